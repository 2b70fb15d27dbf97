import { expect } from 'chai';
import fc from 'fast-check';
import { INTEGRATION_STATUSES, type IntegrationStatus } from '../../../src/contracts/acquisition.js';
import { BACKEND_STATUSES } from '../../../src/contracts/backend.js';
import { DETECTOR_STATUSES } from '../../../src/contracts/detector.js';
import { ComponentSilentError } from '../../../src/contracts/errors.js';
import { WRITER_STATUSES } from '../../../src/contracts/writer.js';
import {
  type ComponentView,
  interpretStatus,
  type JudgedRole,
} from '../../../src/controller/interpretStatus.js';

const view = (role: JudgedRole, status: string | null, more: Partial<ComponentView> = {}): ComponentView => ({
  name: role,
  role,
  enabled: true,
  status,
  error: null,
  ...more,
});

/** Words of each role that agree with a status; all others of the role's words disagree. */
const AGREES: Readonly<
  Record<string, { detector: string; backend: string; writer: string; auxiliary: string }>
> = {
  INITIALIZED: {
    detector: 'idle finished stopped',
    backend: 'INITIALIZED',
    writer: 'stopped',
    auxiliary: 'stopped finished',
  },
  CONFIGURED: {
    detector: 'idle finished stopped',
    backend: 'CONFIGURED OPEN',
    writer: 'stopped configured',
    auxiliary: 'stopped configured finished',
  },
  RUNNING: {
    detector: 'idle finished stopped running waiting transmitting',
    backend: 'OPEN',
    writer: 'receiving writing finished stopped',
    auxiliary: 'configured receiving writing finished stopped',
  },
  DETECTOR_STOPPED: {
    detector: 'idle finished stopped',
    backend: 'OPEN CLOSING CLOSED',
    writer: 'receiving writing finished stopped',
    auxiliary: 'configured receiving writing finished stopped',
  },
  BSREAD_STILL_RUNNING: {
    detector: 'idle finished stopped',
    backend: 'OPEN CLOSING CLOSED',
    writer: 'finished stopped',
    auxiliary: 'configured receiving writing finished stopped',
  },
  FINISHED: {
    detector: 'idle finished stopped',
    backend: 'OPEN CLOSING CLOSED',
    writer: 'finished stopped',
    auxiliary: 'finished stopped',
  },
};

/** Words of a backend that cannot tell its states apart. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  IDLE: ['INITIALIZED', 'CONFIGURED', 'CLOSED'],
  STATELESS: ['INITIALIZED', 'CONFIGURED', 'OPEN', 'CLOSED'],
};

const WORDS = {
  detector: DETECTOR_STATUSES,
  backend: BACKEND_STATUSES,
  writer: WRITER_STATUSES,
  auxiliary: WRITER_STATUSES,
} as const;

describe('interpretStatus', () => {
  for (const [status, agreeing] of Object.entries(AGREES) as [IntegrationStatus, (typeof AGREES)[string]][]) {
    for (const role of ['detector', 'backend', 'writer', 'auxiliary'] as const) {
      for (const word of WORDS[role]) {
        const agreed = agreeing[role].split(' ');
        const agrees = (STANDS_FOR[word] ?? [word]).some((one) => agreed.includes(one));
        it(`${agrees ? 'lets' : 'does not let'} a ${role} be ${word} in ${status}`, () => {
          const { disagreement } = interpretStatus(status, [view(role, word)]);
          expect(disagreement === null).to.equal(agrees);
          if (disagreement !== null) {
            expect(disagreement).to.include({ component: role, actual: word });
            expect(disagreement.expected.join(' ').split(' ')).to.have.members(agreeing[role].split(' '));
          }
        });
      }
    }
  }

  it('never disagrees with a disabled component, nor with one whose status is not known', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...INTEGRATION_STATUSES),
        fc.constantFrom('detector', 'backend', 'writer', 'auxiliary', 'trigger'),
        fc.string(),
        (status, role, word) => {
          const views = [view(role as JudgedRole, word, { enabled: false }), view(role as JudgedRole, null)];
          expect(interpretStatus(status, views)).to.deep.equal({ disagreement: null, silent: null });
        },
      ),
    );
  });

  it('names the first component that does not answer, whatever it said before', () => {
    const error = new ComponentSilentError('component_timeout', 'No answer.');
    const silent = view('backend', 'CONFIGURED', { error });
    const { silent: named, disagreement } = interpretStatus('INITIALIZED', [
      view('detector', 'idle'),
      silent,
    ]);
    expect(named).to.equal(silent);
    expect(disagreement).to.equal(null);
  });

  it('lets everything be in ERROR', () => {
    for (const [role, words] of Object.entries(WORDS)) {
      for (const word of words) {
        expect(interpretStatus('ERROR', [view(role as JudgedRole, word)]).disagreement).to.equal(null);
      }
    }
  });
});
