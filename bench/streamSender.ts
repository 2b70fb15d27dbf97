import { Push } from 'zeromq';
import { endV1, headerV1, imageV1 } from '../test/support/simplonMessages.js';

/** What the sender is told to send. */
export interface SendOrder {
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  /** `array-1.0` with plain pixels of 16 bit, or `simplon-v1` with pixels packed as bslz4. */
  readonly dialect: 'array-1.0' | 'simplon-v1';
}

/** What the sender is told before it is told to send frames of another size; it says when it is `ready`. */
export interface PrepareOrder {
  readonly pixelBytes: number;
  /** Counts of 16 bit as a detector has them, another frame each time, instead of the same pattern. */
  readonly isCounted?: boolean;
}

/** Different frames of counts: enough that none is found in a cache of the processor. */
const COUNTED_FRAMES = 8;
const MEAN_COUNT = 3;

/** A program that sends frames as fast as they are taken: says its address, then obeys `SendOrder`s. */
const socket = new Push({ sendHighWaterMark: 64, linger: 0 });
await socket.bind('tcp://127.0.0.1:*');
let series = 0;

/** Made before anything is measured: filling 18 MiB takes as long as sending two hundred. */
let images: readonly Buffer[] = [];

process.on('message', (order: SendOrder | PrepareOrder) => {
  if ('frames' in order) void send(order);
  else prepare(order);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ address: socket.lastEndpoint });

function prepare({ pixelBytes, isCounted = false }: PrepareOrder): void {
  images = isCounted
    ? Array.from({ length: COUNTED_FRAMES }, () => countedFrame(pixelBytes / 2))
    : [patternFrame(pixelBytes)];
  process.send?.({ ready: true });
}

function patternFrame(pixelBytes: number): Buffer {
  const pixels = Buffer.alloc(pixelBytes);
  for (let index = 0; index < pixels.length; index += 2) pixels.writeUInt16LE((index * 7919) % 31, index);
  return pixels;
}

/** Distributed as Poisson has it. */
function countedFrame(size: number): Buffer {
  const pixels = new Uint16Array(size);
  const limit = Math.exp(-MEAN_COUNT);
  for (let at = 0; at < size; at += 1) {
    let count = 0;
    for (let product = Math.random(); product > limit; product *= Math.random()) count += 1;
    pixels[at] = count;
  }
  return Buffer.from(pixels.buffer);
}

async function send({ frames, rows, columns, dialect }: SendOrder): Promise<void> {
  const [pixels = Buffer.alloc(0)] = images;
  if (dialect === 'array-1.0') {
    for (let frame = 0; frame < frames; frame += 1) {
      const header = JSON.stringify({ htype: 'array-1.0', type: 'uint16', shape: [rows, columns], frame });
      await socket.send([header, images[frame % images.length] ?? pixels]);
    }
    return;
  }
  series += 1;
  const packing = { algorithm: 'bslz4', elementBytes: 2, isFramed: true, blockBytes: 8192 } as const;
  const image = { series, type: 'uint16', rows, columns, pixels, packing } as const;
  await socket.send(headerV1(series));
  const [head, ...rest] = imageV1({ ...image, number: 0 });
  for (let frame = 0; frame < frames; frame += 1) {
    const own = JSON.stringify({ ...JSON.parse(String(head)), frame });
    await socket.send([own, ...rest]);
  }
  await socket.send(endV1(series));
}
