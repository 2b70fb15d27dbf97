import { once } from 'node:events';
import { announceService } from '../services/announcement.js';
import { backendRest } from './backendRest.js';
import { BACKEND_DEFAULTS } from './defaults.js';
import { FrameRelay } from './frameRelay.js';
import { deferred, logTo, portNumber, readOptions, runProgram, tcpEndpoint } from './program.js';
import { SimulatedBackend } from './simulatedBackend.js';

const log = logTo('simulated-backend');

/**
 * The simulated backend as a program: PSI's REST interface (endpoint `http`), frames in from `--frames-from`,
 * frames out over PUSH (endpoint `frames`). Ends with 0 on SIGTERM, SIGINT or without a controller.
 */
async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv, BACKEND_DEFAULTS);
  const ports = {
    http: portNumber('http-port', options['http-port']),
    frames: portNumber('frames-port', options['frames-port']),
  };
  const modules = Number(options.modules);
  if (!Number.isInteger(modules) || modules < 1) throw new Error('--modules must be a whole number from 1');

  const relay = new FrameRelay({ framesFrom: options['frames-from'], modules, log });
  const backend = new SimulatedBackend(relay);
  const server = backendRest(backend, log).listen(ports.http, options.host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : ports.http;
  const endpoints = {
    http: `http://${options.host}:${port}`,
    frames: await relay.bind(tcpEndpoint(options.host, ports.frames)),
  };
  const receiving = relay.receive();
  const { promise: over, resolve: end } = deferred();
  const announcement = announceService({
    endpoints,
    isBusy: () => backend.isBusy,
    onStop: async (reason) => end(reason),
  });
  log(`ready: http ${endpoints.http}, frames from ${options['frames-from']}, to ${endpoints.frames}`);
  log(`ends: ${await Promise.race([over, receiving.then(() => 'the frame stream is closed')])}`);
  announcement.close();
  server.close();
  server.closeAllConnections();
  await relay.shutDown();
  return 0;
}

await runProgram('simulated-backend', main);
