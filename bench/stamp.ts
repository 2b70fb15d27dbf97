import { appendFileSync } from 'node:fs';

/**
 * Loaded into a writer process before anything else (`node --import`): notes when it began and when it ended, on the clock
 * of `Date.now`, in the file that `DIA_BENCH_STAMPS` names.
 */
const path = process.env.DIA_BENCH_STAMPS;
if (path !== undefined) {
  process.on('exit', () => {
    const ended = performance.timeOrigin + performance.now();
    appendFileSync(path, `${JSON.stringify({ began: performance.timeOrigin, ended })}\n`);
  });
}
