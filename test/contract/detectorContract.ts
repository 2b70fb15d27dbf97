import { expect } from 'chai';
import type { Context } from 'mocha';
import type { Observation } from '../../src/contracts/component.js';
import type { Detector } from '../../src/contracts/detector.js';
import { ComponentFailedError, ComponentSilentError, UnknownNameError } from '../../src/contracts/errors.js';
import type { Section } from '../../src/contracts/json.js';
import { expectDiaError, thrownBy, until, within } from '../support/calls.js';

/** A detector to be tested, and how to make its device fall silent and go away. */
export interface DetectorUnderTest {
  readonly detector: Detector;
  /** What a run of a few frames needs on this device, where it differs. */
  readonly short?: Section;
  /** Its answers to commands say where it is. */
  readonly saysState?: true;
  /** The device stays, but answers nothing until `wake`. */
  readonly freeze: () => void;
  readonly wake: () => void;
  /** Ends the device; called once after each test as well. */
  readonly end: () => Promise<void>;
}

/** What every detector adapter has to do, tried on its real wire. */
export function describeDetectorContract(
  name: string,
  make: (context: Context) => Promise<DetectorUnderTest>,
): void {
  describe(`detector contract: ${name}`, () => {
    let under: DetectorUnderTest;
    let detector: Detector;

    let short: Section;
    let long: Section;
    const status = () => detector.status(within());

    beforeEach(async function () {
      this.timeout(30_000);
      under = await make(this);
      short = { frames: 3, period: 0.005, exptime: 0.001, dr: 16, timing: 'auto', cycles: 1, ...under.short };
      long = { ...short, frames: 1000, period: 0.05 };
      detector = under.detector;
      await detector.connect();
    });
    afterEach(async () => {
      // Left out: nothing was made.
      await detector?.disconnect();
      await under?.end();
    });

    it('says where it is reached', () => {
      expect(detector.address).to.be.a('string').and.not.equal('');
    });

    it('is idle at first', async () => {
      expect(await status()).to.equal('idle');
    });

    it('runs from the answer to start until the last frame, then is idle', async () => {
      // Long enough to be seen on a busy machine.
      await detector.configure(long, within());
      await detector.start(within());
      expect(await status()).to.equal('running');
      await detector.stop(within());
      await detector.configure(short, within());
      await detector.start(within());
      await until(status, (word) => word === 'idle');
    });

    it('stops a run', async () => {
      await detector.configure(long, within());
      await detector.start(within());
      await detector.stop(within());
      expect(await status()).to.equal('idle');
    });

    it('says nothing but the truth of its state in its answers to commands', async () => {
      const told: string[] = [];
      const telling = () => ({ ...within(), onState: ({ status: word }: Observation) => told.push(word) });
      await detector.configure(long, telling());
      await detector.start(telling());
      await detector.stop(telling());
      // One whose device merely says yes leaves it alone.
      expect(told).to.deep.equal(under.saysState ? ['idle', 'running', 'idle'] : []);
    });

    it('stops an idle detector without complaint', async () => {
      await detector.stop(within());
      expect(await status()).to.equal('idle');
    });

    it('waits for the trigger with timing trigger', async () => {
      await detector.configure({ ...short, timing: 'trigger' }, within());
      await detector.start(within());
      expect(await status()).to.equal('waiting');
      await detector.stop(within());
      expect(await status()).to.equal('idle');
    });

    it('refuses to start or configure while running, in its own words', async () => {
      await detector.configure(long, within());
      await detector.start(within());
      const error = await expectDiaError(detector.start(within()), ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('running');
      await expectDiaError(detector.configure(short, within()), ComponentFailedError, 'component_refused');
      expect(await status()).to.equal('running');
    });

    it('refuses impossible values, names all of them, and keeps what it had', async () => {
      await detector.configure(short, within());
      const bad = detector.configure({ frames: 0, dr: 12, period: 1 }, within());
      const error = await expectDiaError(bad, ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('frames').and.contain('dr');
      expect(await detector.getValue('period', within())).to.equal(short.period);
    });

    it('reads the values it was configured with', async () => {
      await detector.configure(short, within());
      for (const [parameter, value] of Object.entries(short)) {
        expect(await detector.getValue(parameter, within()), parameter).to.equal(value);
      }
    });

    it('sets one value, answers it read back, and leaves the others', async () => {
      await detector.configure(short, within());
      expect(await detector.setValue('frames', 7, within())).to.equal(7);
      expect(await detector.getValue('exptime', within())).to.equal(short.exptime);
    });

    it('knows no value of a name that does not exist', async () => {
      const unknown = detector.getValue('framez', within());
      const error = await expectDiaError(unknown, UnknownNameError, 'unknown_parameter');
      expect(error.facts.hint).to.contain('frames');
      await expectDiaError(detector.setValue('framez', 1, within()), UnknownNameError, 'unknown_parameter');
    });

    it('has metrics', async () => {
      expect(await detector.metrics(within()))
        .to.be.an('object')
        .and.not.deep.equal({});
    });

    it('ends a call to a device that hangs when the time is up, and works again when it wakes', async () => {
      await status();
      under.freeze();
      const beganMs = performance.now();
      const error = await thrownBy(detector.status(within(150)));
      expect(error).to.be.instanceOf(ComponentSilentError);
      expect(performance.now() - beganMs).to.be.within(140, 2000);
      under.wake();
      expect(await until(status, (word) => word === 'idle')).to.equal('idle');
    });

    it('ends a call with the reason of the abort', async () => {
      await status();
      under.freeze();
      const abort = new AbortController();
      const call = thrownBy(detector.status({ signal: abort.signal, timeoutMs: 60_000 }));
      const reason = new Error('preempted');
      abort.abort(reason);
      expect(await call).to.equal(reason);
      under.wake();
    });

    it('calls a device that is gone unreachable or silent, in time', async () => {
      await under.end();
      const beganMs = performance.now();
      expect(await thrownBy(detector.status(within(200)))).to.be.instanceOf(ComponentSilentError);
      expect(performance.now() - beganMs).to.be.below(2000);
    });

    it('does not call a device once the caller has aborted', async () => {
      await detector.configure(long, within());
      const reason = new Error('too late');
      const start = detector.start({ signal: AbortSignal.abort(reason), timeoutMs: 1000 });
      expect(await thrownBy(start)).to.equal(reason);
      expect(await status()).to.equal('idle');
    });
  });
}
