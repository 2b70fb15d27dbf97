import { expect } from 'chai';
import { ComponentSilentError } from '../../../src/contracts/errors.js';
import type { ComponentView } from '../../../src/controller/interpretStatus.js';
import { resume } from '../../../src/controller/resume.js';
import type { JournalEntry, JournalLine } from '../../../src/telemetry/journal.js';
import { OUTCOME, PLAN } from '../../support/acquisitionDriver.js';

const line = (entry: JournalEntry): JournalLine => ({
  ...entry,
  at: '2026-01-01T00:00:00.000Z',
  config: {},
  overlays: {},
  disabled: [],
});

const views = (detector: string, backend: string, writer: string): ComponentView[] =>
  Object.entries({ detector, backend, writer }).map(([role, status]) => ({
    name: role,
    role: role as 'detector',
    enabled: true,
    status,
    error: null,
  }));

const INITIALIZED = views('idle', 'INITIALIZED', 'stopped');
const CONFIGURED = views('idle', 'CONFIGURED', 'configured');
const RUNNING = views('running', 'OPEN', 'writing');
const files = { writer: '/data/a.h5' };

describe('resume', () => {
  const to = (entry: JournalEntry | null, found: ComponentView[]) =>
    resume(entry === null ? null : line(entry), { views: found, files })?.to ?? 'initialized';

  const table: readonly [JournalEntry | null, string, ComponentView[], string][] = [
    [null, 'anything', RUNNING, 'initialized'],
    [{ phase: 'initialized' }, 'anything', RUNNING, 'initialized'],
    [{ phase: 'standingDown' }, 'anything', RUNNING, 'initialized'],
    [{ phase: 'configuring', plan: PLAN }, 'INITIALIZED', INITIALIZED, 'initialized'],
    [{ phase: 'configuring', plan: PLAN }, 'CONFIGURED', CONFIGURED, 'error'],
    [{ phase: 'configured', plan: PLAN }, 'CONFIGURED', CONFIGURED, 'configured'],
    [{ phase: 'configured', plan: PLAN }, 'INITIALIZED', INITIALIZED, 'error'],
    [{ phase: 'starting', plan: PLAN }, 'RUNNING', RUNNING, 'running'],
    [{ phase: 'starting', plan: PLAN }, 'CONFIGURED', CONFIGURED, 'error'],
    [
      { phase: 'starting', plan: PLAN },
      'started but for the detector',
      views('idle', 'OPEN', 'receiving'),
      'error',
    ],
    [{ phase: 'running', plan: PLAN, outcome: OUTCOME }, 'RUNNING', RUNNING, 'running'],
    [
      { phase: 'running', plan: PLAN, outcome: OUTCOME },
      'ended',
      views('idle', 'OPEN', 'finished'),
      'running',
    ],
    [
      { phase: 'finished', plan: PLAN, outcome: OUTCOME },
      'ended',
      views('idle', 'OPEN', 'finished'),
      'finished',
    ],
    [{ phase: 'error', message: 'It broke.', files: {} }, 'anything', RUNNING, 'error'],
  ];
  for (const [entry, found, seen, target] of table) {
    it(`goes on in ${target} when it was ${entry?.phase ?? 'never there'} and the components are ${found}`, () => {
      expect(to(entry, seen)).to.equal(target);
    });
  }

  it('takes the files of a start that was cut off from the writers', () => {
    const resumption = resume(line({ phase: 'starting', plan: PLAN }), { views: RUNNING, files });
    expect(resumption).to.deep.include({
      outcome: {
        files,
        detectors: ['detector'],
        writers: ['writer'],
        auxiliaryWriters: [],
        expectedFrames: {},
      },
    });
  });

  it('names the component that disagrees, and the one that does not answer', () => {
    const moved = resume(line({ phase: 'configured', plan: PLAN }), { views: INITIALIZED, files });
    if (moved?.to !== 'error') return expect.fail('should be an error');
    expect(moved.error.message).to.equal(
      'The controller was restarted while it was idle and configured, and the backend is INITIALIZED, not CONFIGURED or OPEN.',
    );
    const error = new ComponentSilentError('component_timeout', 'No answer.');
    const silent = CONFIGURED.map((view) =>
      view.role === 'detector' ? { ...view, status: null, error } : view,
    );
    const gone = resume(line({ phase: 'configured', plan: PLAN }), { views: silent, files });
    if (gone?.to !== 'error') return expect.fail('should be an error');
    expect(gone.error.message).to.include('the detector does not answer: No answer.');
  });
});
