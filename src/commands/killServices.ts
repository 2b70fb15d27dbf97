import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunningService } from '../serve.js';

const LOOK_EVERY_MS = 5;
const LONGEST_WAIT_MS = 1_000;

/**
 * Ends the services by force, at most a second long. Those of a service that was still starting are left to end by
 * themselves: their grace time passes without a controller.
 */
export async function killServices(service: RunningService | null): Promise<void> {
  if (service === null) return;
  const pids = await launchedServices(service.deployment.stateFolder);
  const deadline = performance.now() + LONGEST_WAIT_MS;
  let living = pids.filter((pid) => signal(pid, 'SIGKILL'));
  while (living.length > 0 && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    living = living.filter((pid) => signal(pid, 0));
  }
}

/** Whether there was a process to take the signal. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

async function launchedServices(stateFolder: string): Promise<number[]> {
  try {
    const pids: unknown = JSON.parse(await readFile(join(stateFolder, 'services.json'), 'utf8'));
    return Object.values(pids ?? {}).filter((pid) => Number.isInteger(pid) && pid > 1);
  } catch {
    // No list: the services have been ended.
    return [];
  }
}
