import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentFlags } from '../config/overrides.js';
import { type RunningService, serve } from '../serve.js';
import { EXIT_CODES } from './exitCodes.js';
import { aborted, listenForInterrupts } from './interrupts.js';
import type { Output } from './output.js';

/**
 * Serves a deployment until a signal: the first ends the acquisition, the server and the services; a second
 * kills the services and ends at once.
 */
export async function serveCommand(
  output: Output,
  deployment: string,
  flags: DeploymentFlags,
): Promise<undefined> {
  let service: RunningService | null = null;
  // The terminal that goes away asks for the same as Ctrl-C.
  const interrupts = listenForInterrupts(['SIGINT', 'SIGTERM', 'SIGHUP'], (name) => {
    output.problem(`${name} again: ends at once.`);
    void killServices(service).finally(() => process.exit(EXIT_CODES.interrupted.code));
  });
  service = await serve({ deployment, flags });
  output.document({ url: service.url });
  await aborted(interrupts.signal);
  await service.close();
  return undefined;
}

/**
 * Ends the services by force. Those of a service that was still starting are left to end by themselves: their
 * grace time passes without a controller.
 */
async function killServices(service: RunningService | null): Promise<void> {
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
