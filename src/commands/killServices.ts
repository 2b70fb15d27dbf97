import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningService } from '../serve.js';

/**
 * Ends the services by force. Those of a service that was still starting are left to end by themselves: their
 * grace time passes without a controller.
 */
export async function killServices(service: RunningService | null): Promise<void> {
  if (service === null) return;
  for (const pid of await launchedServices(service.deployment.stateFolder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
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
