import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/** Cores that programs have to share. */
export function cores(): number {
  return availableParallelism();
}

/** Processor time in ms that these processes have used so far, their own and the system's for them. */
export async function processorMs(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(pids.map(processMs));
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** From what Linux counts for each thread, in ns; of a process as a whole it tells hundredths of a second. */
async function processMs(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder);
  const times = await Promise.all(
    // A thread that has ended meanwhile had little to do.
    threads.map((thread) => readFile(`${folder}/${thread}/schedstat`, 'utf8').catch(() => '0')),
  );
  return times.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]) / 1_000_000, 0);
}
