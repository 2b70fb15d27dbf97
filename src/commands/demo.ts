import { DiaClient } from '../client/client.js';
import { serve } from '../serve.js';
import { acquire } from './acquire.js';
import { EXIT_CODES, type ExitName } from './exitCodes.js';
import { listenForInterrupts } from './interrupts.js';
import type { Output } from './output.js';
import { runConfig } from './runConfig.js';

/** The acquisition that is shown: 100 frames of the simulated detector's 512x1024 pixels in two seconds. */
const DEMO_RUN = { output: 'demo.h5', frames: 100, exptime: 0.01, period: 0.02, bitDepth: 16 } as const;

/** Starts the simulation, takes an acquisition, verifies its file, and ends all that it started. */
export async function demoCommand(output: Output, options: { readonly dataDir: string }): Promise<ExitName> {
  let killServices = async () => {};
  let atOnce = Promise.resolve();
  const interrupts = listenForInterrupts(['SIGINT', 'SIGTERM'], () => {
    atOnce = killServices().finally(() => process.exit(EXIT_CODES.interrupted.code));
  });
  output.line('Starts the simulation: a detector, a backend and a writer, each a process of its own.');
  const service = await serve({
    deployment: 'simulation',
    // Any free port: a server that runs already is left alone.
    flags: { host: '127.0.0.1', port: 0, dataDir: options.dataDir },
    quiet: true,
    signal: interrupts.signal,
    onLaunch: (kill) => {
      killServices = kill;
    },
  });
  try {
    output.line(`Serving at ${service.url}, logs in ${service.deployment.stateFolder}`);
    return await acquire(new DiaClient(service.url), {
      output,
      config: runConfig(DEMO_RUN, null),
      reset: false,
      signal: interrupts.signal,
    });
  } finally {
    await service.close();
    await atOnce;
  }
}
