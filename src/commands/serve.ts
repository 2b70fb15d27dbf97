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
    void Promise.resolve(service?.killServices()).finally(() => process.exit(EXIT_CODES.interrupted.code));
  });
  service = await serve({ deployment, flags });
  output.document({ url: service.url });
  await aborted(interrupts.signal);
  await service.close();
  return undefined;
}
