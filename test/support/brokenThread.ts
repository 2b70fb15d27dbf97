import { parentPort } from 'node:worker_threads';

/** A thread of a compressor that ends as soon as it gets a frame. */
parentPort?.on('message', (message: object) => {
  if ('source' in message) process.exit(7);
});
