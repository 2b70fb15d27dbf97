import { setTimeout as delay } from 'node:timers/promises';
import { createBackend, createDetector, createWriter } from '../src/adapters/registry.js';
import type { CallOptions } from '../src/contracts/component.js';
import { verifyInWorker } from '../src/files/verifyInWorker.js';
import { acquisition } from '../test/support/integration.js';
import { Serving } from './serving.js';

const LOOK_EVERY_MS = 2;

/** How long the detector exposes in a cycle: frame k is there k periods and an exposure time after the start. */
export function exposureMs(frames: number, periodS: number): number {
  const { period, exptime } = acquisition('', frames, periodS).detector;
  return ((frames - 1) * period + exptime) * 1000;
}

/**
 * The components of the simulation, called as the controller calls them, by nobody but its adapters: what a cycle cannot take
 * less than on this machine, at this moment. They are launched by a controller that then leaves them alone.
 */
export class ComponentsAlone {
  private constructor(
    private readonly serving: Serving,
    private readonly detector: ReturnType<typeof createDetector>,
    private readonly backend: ReturnType<typeof createBackend>,
    private readonly writer: ReturnType<typeof createWriter>,
  ) {}

  static async start(shape: string): Promise<ComponentsAlone> {
    const serving = await Serving.start({ shape });
    const { server_info: info } = await serving.api.call('GET', 'info');
    const { clients } = info as { clients: Record<string, string> };
    await serving.api.call('POST', 'enabled_clients', { detector: false, backend: false, writer: false });
    const detector = createDetector('simulated', 'detector', { endpoint: clients.detector ?? '' });
    const backend = createBackend('psi', 'backend', { url: clients.backend ?? '' });
    const writer = createWriter('h5-service', 'writer', { url: clients.writer ?? '' });
    await Promise.all([detector.connect(), backend.connect(), writer.connect()]);
    return new ComponentsAlone(serving, detector, backend, writer);
  }

  /** Configures, starts, waits for the file, verifies it and resets; answers milliseconds. */
  async cycle(name: string, frames: number, periodS: number): Promise<number> {
    const { detector, backend, writer } = this;
    const options: CallOptions = { signal: new AbortController().signal, timeoutMs: 20_000 };
    const config = acquisition(this.serving.file(name), frames, periodS);
    const beganMs = performance.now();
    await Promise.all([
      detector.configure(config.detector, options),
      backend.configure(config.backend, options),
      writer.configure(
        {
          outputFile: config.writer.output_file,
          frames,
          userId: 0,
          existingFile: 'number',
          extra: {},
          acquisition: config,
          acquisitionId: 'alone',
        },
        options,
      ),
    ]);
    const [{ file }] = await Promise.all([writer.start(options), backend.open(options)]);
    await detector.start(options);
    await delay(exposureMs(frames, periodS));
    while ((await writer.report(options)).status !== 'finished') await delay(LOOK_EVERY_MS);
    await verifyInWorker(file ?? '', options);
    await detector.stop(options);
    await backend.close(options);
    await Promise.all([backend.reset(options), writer.reset(options)]);
    return performance.now() - beganMs;
  }

  async close(): Promise<void> {
    await Promise.all([this.detector.disconnect(), this.backend.disconnect(), this.writer.disconnect()]);
    await this.serving.close();
  }
}
