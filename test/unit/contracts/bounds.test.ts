import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { boundBy, TimeIsUp, withinBounds } from '../../../src/contracts/bounds.js';
import { thrownBy } from '../../support/calls.js';

const fired = (signal: AbortSignal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });

describe('boundBy', () => {
  it('fires for all that are bound by one signal, but for those that have ended, with one listener on it', () => {
    const caller = new AbortController();
    const bounds = Array.from({ length: 200 }, () => boundBy({ signal: caller.signal }));
    expect(getEventListeners(caller.signal, 'abort')).to.have.length(1);
    bounds[100]?.end();
    caller.abort(new Error('stop'));
    const fired = bounds.map(({ signal }) => signal.reason?.message);
    expect(fired[100]).to.equal(undefined);
    expect(fired.filter((reason) => reason === 'stop')).to.have.length(199);
    for (const { end } of bounds) end();
  });

  it('leaves no listener behind, and takes one anew for who comes later', () => {
    const { signal } = new AbortController();
    const first = boundBy({ signal });
    first.end();
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
    const later = [boundBy({ signal }), boundBy({ signal })];
    first.end();
    later[0]?.end();
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    later[1]?.end();
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('fires when the time is up, even when garbage was collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const caller = new AbortController();
    const reason = fired(boundBy({ signal: caller.signal, timeoutMs: 100 }).signal);
    for (let turn = 0; turn < 3; turn++) {
      await delay(10);
      collectGarbage();
    }
    expect(await reason).to.be.instanceOf(TimeIsUp);
  });

  it("fires with the caller's signal and its reason", async () => {
    const caller = new AbortController();
    const reason = fired(boundBy({ signal: caller.signal, timeoutMs: 10_000 }).signal);
    caller.abort('enough');
    expect(await reason).to.equal('enough');
    expect(boundBy({ signal: caller.signal }).signal.reason).to.equal('enough');
  });

  it('fires no more after its end', () => {
    const caller = new AbortController();
    const { signal, end } = boundBy({ signal: caller.signal, timeoutMs: 10_000 });
    end();
    caller.abort();
    expect(signal.aborted).to.equal(false);
  });
});

describe('withinBounds', () => {
  const never = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut off'))));

  it('throws the reason of whoever ended it, not what the work made of that', async () => {
    const caller = new AbortController();
    const call = thrownBy(withinBounds({ signal: caller.signal, timeoutMs: 10_000 }, never));
    caller.abort('enough');
    expect(await call).to.equal('enough');
    expect(
      await thrownBy(withinBounds({ signal: new AbortController().signal, timeoutMs: 5 }, never)),
    ).to.be.instanceOf(TimeIsUp);
  });
});
