import type { Deployment } from '../config/deployment.js';
import type { DeploymentFlags } from '../config/overrides.js';
import { serve } from '../serve.js';
import { EXIT_CODES } from './exitCodes.js';
import { aborted, Interrupted, listenForInterrupts } from './interrupts.js';
import type { Output } from './output.js';

/** Only SIGTERM is of a service manager, which starts the next controller; whoever ends it by hand wants it to end. */
const leavesFor = (reason: unknown, { onTerminate }: Deployment) =>
  reason instanceof Interrupted && reason.signalName === 'SIGTERM' && onTerminate === 'leave';

/**
 * Serves a deployment until a signal: the first ends the acquisition, the server and the services, or leaves
 * acquisition and services to a successor where the deployment says so; a second kills the services and ends at once.
 */
export async function serveCommand(
  output: Output,
  deployment: string,
  flags: DeploymentFlags,
): Promise<undefined> {
  let killServices = async () => {};
  let atOnce = Promise.resolve();
  // The terminal that goes away asks for the same as Ctrl-C.
  const interrupts = listenForInterrupts(['SIGINT', 'SIGTERM', 'SIGHUP'], (name) => {
    output.problem(`${name} again: ends at once.`);
    atOnce = killServices().finally(() => process.exit(EXIT_CODES.interrupted.code));
  });
  const { signal } = interrupts;
  const onLaunch = (kill: () => Promise<void>) => {
    killServices = kill;
  };
  try {
    const service = await serve({ deployment, flags, signal, leavesFor, onLaunch });
    output.document({ url: service.url });
    await aborted(signal);
    if (leavesFor(signal.reason, service.deployment.deployment)) await service.leave();
    else await service.close();
  } catch (error) {
    // Whoever asks it to end while it starts gets what was asked for.
    if (!(error instanceof Interrupted)) throw error;
  }
  // Once its services are killed the orderly end has nothing to wait for, and must not overtake.
  await atOnce;
  return undefined;
}
