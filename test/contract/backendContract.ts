import { expect } from 'chai';
import type { Backend, BackendStatus } from '../../src/contracts/backend.js';
import { ComponentFailedError, ComponentSilentError } from '../../src/contracts/errors.js';
import { expectDiaError, thrownBy, within } from '../support/calls.js';

/** A backend to be tested, and how to make it fall silent and go away. */
export interface BackendUnderTest {
  readonly backend: Backend;
  readonly freeze: () => void;
  readonly wake: () => void;
  /** Ends the backend; called once after each test as well. */
  readonly end: () => Promise<void>;
}

/** What kinds of backends differ in. */
export interface BackendTraits {
  /** What it says while it is not open; by default it tells all its states apart. */
  readonly atRest?: BackendStatus;
  /** Whether it refuses what its state does not allow; true by default. */
  readonly refuses?: boolean;
  /** Its counters, all 0 before the first frame. */
  readonly counters?: readonly string[];
}

/** What every backend adapter has to do, tried on its real wire. */
export function describeBackendContract(
  name: string,
  make: () => Promise<BackendUnderTest>,
  { atRest, refuses = true, counters = ['received_frames', 'sent_frames'] }: BackendTraits = {},
): void {
  const initialized = atRest ?? 'INITIALIZED';
  const configured = atRest ?? 'CONFIGURED';
  const closed = atRest === undefined ? ['CLOSING', 'CLOSED'] : [atRest];
  describe(`backend contract: ${name}`, () => {
    let under: BackendUnderTest;
    let backend: Backend;
    const settings = { bit_depth: 16, n_frames: 10 };
    const status = () => backend.status(within());

    beforeEach(async () => {
      under = await make();
      backend = under.backend;
      await backend.connect();
    });
    afterEach(async () => {
      await backend.disconnect();
      await under.end();
    });

    it('goes from INITIALIZED through CONFIGURED and OPEN to CLOSED and back', async () => {
      expect(await status()).to.equal(initialized);
      await backend.configure(settings, within());
      expect(await status()).to.equal(configured);
      await backend.open(within());
      expect(await status()).to.equal('OPEN');
      await backend.close(within());
      expect(closed).to.include(await status());
      await backend.reset(within());
      expect(await status()).to.equal(initialized);
    });

    it('resets from any state', async () => {
      await backend.reset(within());
      expect(await status()).to.equal(initialized);
      await backend.configure(settings, within());
      await backend.reset(within());
      expect(await status()).to.equal(initialized);
      await backend.configure(settings, within());
      await backend.open(within());
      await backend.reset(within());
      expect(await status()).to.equal(initialized);
    });

    if (refuses) {
      it('fails to configure unless INITIALIZED, with what the backend says', async () => {
        await backend.configure(settings, within());
        const again = backend.configure(settings, within());
        const error = await expectDiaError(again, ComponentFailedError, 'component_failed');
        expect(String(error.facts.actual)).to.contain('CONFIGURED');
      });

      it('fails to open unless CONFIGURED', async () => {
        await expectDiaError(backend.open(within()), ComponentFailedError, 'component_failed');
        expect(await status()).to.equal(initialized);
      });
    }

    it('counts frames in its metrics', async () => {
      const metrics = await backend.metrics(within());
      expect(counters.map((counter) => metrics[counter])).to.deep.equal(counters.map(() => 0));
    });

    it('ends a call to a backend that hangs when the time is up, and works again when it wakes', async () => {
      under.freeze();
      await expectDiaError(backend.status(within(150)), ComponentSilentError, 'component_timeout');
      under.wake();
      expect(await status()).to.equal(initialized);
    });

    it('ends a call with the reason of the abort', async () => {
      under.freeze();
      const abort = new AbortController();
      const call = thrownBy(backend.status({ signal: abort.signal, timeoutMs: 60_000 }));
      const reason = new Error('preempted');
      abort.abort(reason);
      expect(await call).to.equal(reason);
      under.wake();
    });

    it('calls a backend that is gone unreachable', async () => {
      await status();
      await under.end();
      await expectDiaError(backend.status(within()), ComponentSilentError, 'component_unreachable');
      await expectDiaError(backend.reset(within()), ComponentSilentError, 'component_unreachable');
    });
  });
}
