import { expect } from 'chai';
import fc from 'fast-check';
import { DiaClient, DiaClientError } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import type { StatePath } from '../support/acquisitionDriver.js';
import { type COMMANDS, TABLE } from '../support/acquisitionTable.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

type Action = keyof typeof COMMANDS;
/** How a command was answered: done, refused in the state it found, or overtaken by a stand-down. */
type Outcome = 'ok' | 'wrong_state' | 'preempted';
interface Answer {
  readonly action: Action;
  readonly outcome: Outcome;
}

const ACTIONS = TABLE.flatMap(
  (row) => Object.keys(row).filter((key) => key !== 'state' && key !== 'status') as Action[],
);
const REST: Readonly<Record<string, StatePath>> = {
  INITIALIZED: 'initialized',
  CONFIGURED: 'configured',
  RUNNING: 'running.acquiring',
};

/** Where a state that only leads on ends, when nothing fails and nobody interferes. */
function restAfter(action: Action, target: StatePath): StatePath {
  if (target === 'stopping' || target === 'resetting') return 'initialized';
  return action === 'configure' ? 'configured' : 'running.acquiring';
}

/** Every state in which commands answered like this can have left the integration, whatever their order was. */
function explanations(from: StatePath, answers: readonly Answer[]): Set<StatePath> {
  if (answers.length === 0) return new Set([from]);
  const found = new Set<StatePath>();
  for (const [index, { action, outcome }] of answers.entries()) {
    const others = answers.toSpliced(index, 1);
    const target = TABLE.find(({ state }) => state === from)?.[action] ?? null;
    const next =
      outcome === 'ok'
        ? target && restAfter(action, target)
        : outcome === 'preempted' || !target
          ? from
          : null;
    if (next === null) continue;
    for (const state of explanations(next, others)) found.add(state);
  }
  return found;
}

describe('many clients at once', function () {
  this.timeout(60_000);
  let dia: TestIntegration;
  before(async () => {
    dia = await boot();
  });
  after(() => dia?.close());
  beforeEach(() => dia.client.reset());

  const outcomeOf = async (work: Promise<unknown>): Promise<Outcome> => {
    try {
      await work;
      return 'ok';
    } catch (thrown) {
      if (!(thrown instanceof DiaClientError)) throw thrown;
      expect(thrown.httpStatus, thrown.message).to.equal(409);
      expect(thrown.code, thrown.message).to.be.oneOf(['wrong_state', 'preempted']);
      return thrown.code as Outcome;
    }
  };

  it('start 200 times: exactly one starts, 199 are told why not, and all frames are on disk', async () => {
    await dia.client.setConfig(acquisition('once.h5', 40));
    const clients = Array.from({ length: 200 }, () => new DiaClient(dia.url));
    const outcomes = await Promise.all(clients.map((client) => outcomeOf(client.start())));
    expect(outcomes.filter((outcome) => outcome === 'ok')).to.have.lengthOf(1);
    expect(outcomes.filter((outcome) => outcome === 'wrong_state')).to.have.lengthOf(199);
    await dia.client.waitForStatus('FINISHED');
    expect(await verifyFile(dia.file('once.h5'))).to.include({ complete: true, framesWritten: 40 });
  });

  it('start 200 times, each with a config of its own: one starts, and the config is its own', async () => {
    const attempts = Array.from({ length: 200 }, async (_, index) => {
      const sections = acquisition(`own_${index}.h5`, 20);
      return { index, outcome: await outcomeOf(new DiaClient(dia.url).start({ sections })) };
    });
    const started = (await Promise.all(attempts)).filter(({ outcome }) => outcome === 'ok');
    expect(started).to.have.lengthOf(1);
    await dia.client.waitForStatus('FINISHED');
    const { file } = await dia.client.status();
    expect(file).to.equal(dia.file(`own_${started[0]?.index}.h5`));
  });

  it('leave it where some order of their commands leads to by the table', async () => {
    const commands: Readonly<Record<Action, (client: DiaClient) => Promise<unknown>>> = {
      configure: (client) => client.setConfig(acquisition('model.h5', 10_000, 0.02)),
      start: (client) => client.start(),
      startWithConfig: (client) => client.start({ sections: acquisition('model.h5', 10_000, 0.02) }),
      stop: (client) => client.stop(),
      reset: (client) => client.reset(),
      kill: (client) => client.kill(),
    };
    const here = async (): Promise<StatePath> => {
      const { status, details } = await dia.client.status();
      const state = REST[status.replace('IntegrationStatus.', '')];
      if (state === undefined) return expect.fail(`${status}: ${details}`);
      return state;
    };

    class Burst implements fc.AsyncCommand<{ state: StatePath }, null> {
      constructor(readonly actions: readonly Action[]) {}
      check = () => true;
      async run(model: { state: StatePath }): Promise<void> {
        const answers = await Promise.all(
          this.actions.map(async (action) => ({
            action,
            outcome: await outcomeOf(commands[action](new DiaClient(dia.url))),
          })),
        );
        const state = await here();
        const told = answers.map(({ action, outcome }) => `${action}: ${outcome}`).join(', ');
        expect([...explanations(model.state, answers)], `${model.state}, ${told}`).to.include(state);
        model.state = state;
      }
      toString = () => `[${this.actions.join(' ')}]`;
    }

    // Stand-downs are rarer than in the table, so that something is under way when they come.
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<Action>('configure', 'start', 'startWithConfig') },
      { weight: 1, arbitrary: fc.constantFrom(...ACTIONS) },
    );
    const burst = fc.array(action, { minLength: 1, maxLength: 5 }).map((actions) => new Burst(actions));
    const property = fc.asyncProperty(fc.commands([burst], { maxCommands: 8 }), async (sequence) => {
      await dia.client.reset();
      await fc.asyncModelRun(() => ({ model: { state: 'initialized' as StatePath }, real: null }), sequence);
    });
    await fc.assert(property, { numRuns: 25, interruptAfterTimeLimit: 20_000, endOnFailure: true });
  });

  it('are refused by the lease of one of them, all but kill', async () => {
    const holder = new DiaClient(dia.url);
    const other = new DiaClient(dia.url);
    await holder.takeLease({ owner: 'scan 42', seconds: 60 });
    try {
      await holder.setConfig(acquisition('leased.h5', 10_000, 0.02));
      await holder.start();
      const refused = await other.stop().then(
        () => expect.fail('should have been refused'),
        (error: DiaClientError) => error,
      );
      expect(refused).to.include({ httpStatus: 409, code: 'lease_held' });
      expect(refused.message).to.match(/^scan 42 holds control for \d+ more s/);
      expect((await other.lease()).lease)
        .to.include({ owner: 'scan 42' })
        .and.not.have.property('id');
      expect(await other.status()).to.include({ status: 'IntegrationStatus.RUNNING' });
      await other.kill();
      expect(await other.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    } finally {
      await holder.releaseLease();
    }
    await other.reset();
    expect((await other.lease()).lease).to.equal(null);
  });
});
