import { expect } from 'chai';
import type { CallOptions, Component, Observation } from '../../../src/contracts/component.js';
import { Supervisor } from '../../../src/controller/supervisor.js';
import { createTelemetry } from '../../../src/telemetry/logger.js';
import { until } from '../../support/calls.js';

const NEVER_MS = 60_000;

/** A component that is asked for its status, and says by itself when it has ended. */
class Fake implements Component {
  readonly address = 'fake';
  status = 'receiving';
  asked = 0;
  readonly ends: { tell: (status: string) => void; fail: () => void; signal: AbortSignal }[] = [];
  connect = async () => undefined;
  disconnect = async () => undefined;

  observe(): Promise<Observation> {
    this.asked += 1;
    return this.status === 'silent'
      ? Promise.reject(new Error('nobody there'))
      : Promise.resolve({ status: this.status });
  }

  end({ signal }: CallOptions): Promise<Observation> {
    return new Promise((resolve, reject) => {
      const tell = (status: string) => resolve({ status });
      this.ends.push({ tell, fail: () => reject(new Error('cannot tell')), signal });
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }
}

describe('the supervisor of a component', () => {
  let fake: Fake;
  let supervisor: Supervisor<Fake>;
  const telemetry = createTelemetry({ level: 'error', folder: null, quiet: true });
  const status = () => supervisor.observation?.status;
  const signal = new AbortController().signal;

  beforeEach(async () => {
    fake = new Fake();
    supervisor = new Supervisor({
      name: 'writer',
      role: 'writer',
      adapter: fake,
      observe: (adapter) => adapter.observe(),
      observeEnd: (adapter, options) => adapter.end(options),
      limits: {
        ...{ callTimeoutMs: NEVER_MS, statusTimeoutMs: NEVER_MS, lostAfterMs: NEVER_MS },
        ...{ pollRunningMs: NEVER_MS, pollIdleMs: NEVER_MS },
      },
      shortestLookMs: 0,
      telemetry,
    });
    await supervisor.start(true);
    await until(status, (word) => word === 'receiving');
  });
  afterEach(() => supervisor.stop());

  it('believes it, and asks nothing', async () => {
    supervisor.followEnd();
    // It would be looked for otherwise.
    supervisor.expectChange([performance.now()]);
    fake.ends[0]?.tell('finished');
    await until(status, (word) => word === 'finished');
    expect(fake.asked).to.equal(1);
  });

  it('does not believe it once something else was commanded', async () => {
    supervisor.followEnd();
    fake.status = 'stopped';
    await supervisor.command('reset', signal, async () => undefined);
    expect(fake.ends[0]?.signal.aborted).to.equal(true);
    fake.ends[0]?.tell('finished');
    await until(status, (word) => word === 'stopped');
  });

  it('looks for what is expected when it turns out that it cannot tell', async () => {
    supervisor.followEnd();
    supervisor.expectChange([performance.now()]);
    fake.status = 'finished';
    fake.ends[0]?.fail();
    await until(status, (word) => word === 'finished');
  });

  it('looks at the time of an expected change, however long the pause was to be', async () => {
    fake.status = 'finished';
    supervisor.expectChange([performance.now() + 5]);
    await until(status, (word) => word === 'finished');
  });

  it('waits for nothing while it is disabled, or has been stopped', async () => {
    supervisor.followEnd();
    supervisor.disable();
    expect(fake.ends[0]?.signal.aborted).to.equal(true);
    supervisor.followEnd();
    expect(fake.ends).to.have.length(1);
    supervisor.enable();
    supervisor.followEnd();
    await supervisor.stop();
    expect(fake.ends[1]?.signal.aborted).to.equal(true);
  });

  it('takes no error of before for one that a new look has found', async () => {
    fake.status = 'silent';
    supervisor.look();
    await until(
      () => supervisor.freshError,
      (error) => error !== null,
    );
    const stale = supervisor.view().error;
    supervisor.look();
    expect(supervisor.view().error).to.equal(stale);
    expect(supervisor.freshError).to.equal(null);
    const fresh = await until(
      () => supervisor.freshError,
      (error) => error !== null,
    );
    expect(fresh).not.to.equal(stale);
    fake.status = 'stopped';
    supervisor.look();
    await until(status, (word) => word === 'stopped');
    expect(supervisor.freshError).to.equal(null);
  });
});
