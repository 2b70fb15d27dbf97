import { parentPort, workerData } from 'node:worker_threads';

/**
 * Loaded into every thread of a program (`NODE_OPTIONS=--import=…`): one that was started to compress ends at the third frame
 * that it gets, as if it had run out of memory.
 */
const FRAMES = 3;
let frames = 0;

if (parentPort !== null && workerData !== null && typeof workerData === 'object' && 'kernel' in workerData) {
  const port = parentPort;
  const on = port.on.bind(port);
  port.on = (event, listener) =>
    on(event, (message: object) => {
      if ('source' in message) frames += 1;
      if (frames === FRAMES) process.exit(7);
      listener(message);
    });
}
