import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { CommandQueue } from '../../../src/controller/commandQueue.js';
import { allToTheEnd, inParallel } from '../../../src/controller/inParallel.js';

describe('CommandQueue', () => {
  it('runs one thing at a time in order of arrival, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ turns: fc.nat(3), fails: fc.boolean() })), async (commands) => {
        const queue = new CommandQueue();
        const log: string[] = [];
        const results = commands.map(({ turns, fails }, index) =>
          queue.run(async () => {
            log.push(`begin ${index}`);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            log.push(`end ${index}`);
            if (fails) throw new Error(`${index}`);
            return index;
          }),
        );
        const settled = await Promise.allSettled(results);
        expect(log).to.deep.equal(commands.flatMap((_, index) => [`begin ${index}`, `end ${index}`]));
        expect(settled.map(({ status }) => status === 'rejected')).to.deep.equal(
          commands.map(({ fails }) => fails),
        );
      }),
    );
  });
});

describe('inParallel', () => {
  const never = (signal: AbortSignal) =>
    new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  it('answers all results in the order of the tasks', async () => {
    const signal = new AbortController().signal;
    const tasks = [2, 1, 0].map((turns) => async () => {
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      return turns;
    });
    expect(await inParallel(signal, tasks)).to.deep.equal([2, 1, 0]);
  });

  it('throws the first failure and aborts the others', async () => {
    const first = new Error('first');
    const signal = new AbortController().signal;
    const outcome = inParallel(signal, [never, () => Promise.reject(first), never]);
    await outcome.then(
      () => expect.fail('should have failed'),
      (error: unknown) => expect(error).to.equal(first),
    );
  });

  it('ends with the reason of its signal', async () => {
    const abort = new AbortController();
    const outcome = inParallel(abort.signal, [never, never]);
    const reason = new Error('reset');
    abort.abort(reason);
    await outcome.then(
      () => expect.fail('should have failed'),
      (error: unknown) => expect(error).to.equal(reason),
    );
  });
});

describe('allToTheEnd', () => {
  it('lets every task end and answers the failures', async () => {
    const ended: number[] = [];
    const failures = await allToTheEnd([
      async () => {
        throw new Error('a');
      },
      async () => {
        await setImmediate();
        ended.push(1);
      },
    ]);
    expect(ended).to.deep.equal([1]);
    expect(failures.map((error) => (error as Error).message)).to.deep.equal(['a']);
  });
});
