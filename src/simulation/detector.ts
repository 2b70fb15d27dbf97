import { announceService } from '../services/announcement.js';
import { DETECTOR_DEFAULTS } from './defaults.js';
import { DetectorControl } from './detectorControl.js';
import type { FrameShape } from './frameGenerator.js';
import { deferred, logTo, portNumber, readOptions, runProgram, tcpEndpoint } from './program.js';
import { SimulatedDetector } from './simulatedDetector.js';

const log = logTo('simulated-detector');

/**
 * The simulated detector as a program: control over ZeroMQ ROUTER (endpoint `control`), frames over PUSH
 * (endpoint `frames`). Ends with 0 on SIGTERM, SIGINT, `shutdown`, or without a controller.
 */
async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv, DETECTOR_DEFAULTS);
  const ports = {
    control: portNumber('control-port', options['control-port']),
    frames: portNumber('frames-port', options['frames-port']),
  };
  const shape = parseShape(options.shape);
  const detector = new SimulatedDetector({ shape, seed: Number(options.seed) || 0, log });
  const { promise: over, resolve: end } = deferred();
  const control = new DetectorControl(detector, { log, onShutdown: () => end('shutdown was asked for') });
  const endpoints = {
    control: await control.bind(tcpEndpoint(options.host, ports.control)),
    frames: await detector.bind(tcpEndpoint(options.host, ports.frames)),
  };
  const serving = control.serve();
  const announcement = announceService({
    endpoints,
    isBusy: () => detector.isBusy,
    onStop: async (reason) => end(reason),
  });
  log(`ready: ${options.shape} pixels, control ${endpoints.control}, frames ${endpoints.frames}`);
  log(`ends: ${await Promise.race([over, serving.then(() => 'control is closed')])}`);
  announcement.close();
  await detector.close();
  control.close();
  return 0;
}

function parseShape(text: string): FrameShape {
  const [, rows, columns] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  const shape = { rows: Number(rows), columns: Number(columns) };
  if (shape.rows >= 1 && shape.columns >= 1) return shape;
  throw new Error(`--shape must be ROWSxCOLUMNS, not ${JSON.stringify(text)}`);
}

await runProgram('simulated-detector', main);
