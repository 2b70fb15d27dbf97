import { readFile } from 'node:fs/promises';

/** Names a process for as long as the machine runs: pids are used again, start times are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process. */
  readonly startTicks: number;
  readonly bootId: string;
}

/** The identity of a process that runs; null when there is none, or only its remains. Linux, from /proc. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The name in brackets may hold blanks and brackets; after it come state (field 3) to start time (field 22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = Number(fields[19]);
    if (fields[0] === 'Z' || fields[0] === 'X' || !Number.isInteger(startTicks)) return null;
    return { pid, startTicks, bootId: bootId.trim() };
  } catch {
    // No such process.
    return null;
  }
}

/** Whether the very process still runs. */
export async function stillRuns({ pid, startTicks, bootId }: ProcessIdentity): Promise<boolean> {
  const found = await identify(pid);
  return found !== null && found.startTicks === startTicks && found.bootId === bootId;
}
