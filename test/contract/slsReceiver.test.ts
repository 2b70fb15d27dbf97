import { expect } from 'chai';
import { createBackend } from '../../src/adapters/registry.js';
import type { Backend } from '../../src/contracts/backend.js';
import { ComponentFailedError } from '../../src/contracts/errors.js';
import { expectDiaError, within } from '../support/calls.js';
import { SlsPrograms } from '../support/slsPrograms.js';
import { describeBackendContract } from './backendContract.js';

describeBackendContract(
  'sls-receiver',
  async () => {
    const programs = await SlsPrograms.start();
    return {
      backend: createBackend('sls-receiver', 'backend', { commandFolder: programs.folder }),
      freeze: () => programs.freeze(),
      wake: () => programs.wake(),
      end: () => programs.end(),
    };
  },
  { atRest: 'IDLE', refuses: false, counters: ['frames_caught'] },
);

describe('backend sls-receiver', () => {
  let programs: SlsPrograms;
  let backend: Backend;

  beforeEach(async () => {
    programs = await SlsPrograms.start();
    backend = createBackend('sls-receiver', 'backend', { commandFolder: programs.folder });
  });
  afterEach(() => programs.end());

  it('refuses to be configured while the receiver runs', async () => {
    await backend.open(within());
    const configure = backend.configure({}, within());
    const error = await expectDiaError(configure, ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('running');
  });

  it('stops a receiver that still runs before it starts it, so that frames count from 0', async () => {
    await backend.open(within());
    await programs.seen();
    await backend.open(within());
    expect((await programs.seen()).calls).to.deep.equal(['get rx_status', 'put rx_stop', 'put rx_start']);
    expect(await backend.status(within())).to.equal('OPEN');
  });

  it('says that the receiver is the one that cannot be reached', async () => {
    await programs.receiver('dead');
    const error = await backend.status(within()).catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain('The receiver of backend cannot be reached at localhost:1956');
  });
});

describe('backend none', () => {
  it('has no state, and agrees to everything', async () => {
    const backend = createBackend('none', 'backend', {});
    await backend.connect();
    expect(await backend.status(within())).to.equal('STATELESS');
    await backend.configure({ n_frames: 5 }, within());
    await backend.open(within());
    expect(await backend.status(within())).to.equal('STATELESS');
    expect(await backend.metrics(within())).to.deep.equal({});
    await backend.close(within());
    await backend.reset(within());
    await backend.disconnect();
  });
});
