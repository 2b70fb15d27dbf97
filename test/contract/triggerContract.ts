import { expect } from 'chai';
import type { Context } from 'mocha';
import { ComponentSilentError } from '../../src/contracts/errors.js';
import type { Trigger, TriggerStatus } from '../../src/contracts/trigger.js';
import { thrownBy, until, within } from '../support/calls.js';

/** A trigger to be tested with the device it fires. */
export interface TriggerUnderTest {
  readonly trigger: Trigger;
  /** Makes the device wait for more triggers than the test will give; null when nothing is fired. */
  readonly arm: (() => Promise<void>) | null;
  /** Triggers the device has taken. */
  readonly taken: () => Promise<number>;
  /** Ends the timing system; called once after each test as well. */
  readonly end: () => Promise<void>;
  /** It only takes commands, and never tells what it does. */
  readonly knowsStatus?: false;
}

/** What every trigger adapter has to do, tried on its real wire. */
export function describeTriggerContract(
  name: string,
  make: (context: Context) => Promise<TriggerUnderTest>,
): void {
  describe(`trigger contract: ${name}`, () => {
    let under: TriggerUnderTest;
    let trigger: Trigger;

    const expectStatus = async (word: TriggerStatus) =>
      expect(await trigger.status(within())).to.equal(under.knowsStatus === false ? 'unknown' : word);

    beforeEach(async function () {
      this.timeout(30_000);
      under = await make(this);
      trigger = under.trigger;
      await trigger.connect();
    });
    afterEach(async () => {
      // Left out: nothing was made.
      await trigger?.disconnect();
      await under?.end();
    });

    it('is idle at first, and stops then without complaint', async () => {
      await expectStatus('idle');
      await trigger.stop(within());
      await expectStatus('idle');
    });

    it('fires from start until stop', async () => {
      if (under.arm === null) {
        await trigger.start(within());
        await trigger.stop(within());
        expect(await under.taken()).to.equal(0);
        return;
      }
      await under.arm();
      await trigger.start(within());
      await expectStatus('running');
      await until(under.taken, (count) => count >= 3);
      await trigger.stop(within());
      await expectStatus('idle');
    });

    it('fails as silent when the timing system is gone', async () => {
      if (under.arm === null) return;
      await under.end();
      expect(await thrownBy(trigger.start(within(200)))).to.be.instanceOf(ComponentSilentError);
    });
  });
}
