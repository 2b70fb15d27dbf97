import { parentPort, workerData } from 'node:worker_threads';

/** What a thread is started with. */
export interface ThreadStart {
  readonly kernel: WebAssembly.Module;
}

/** The memory that orders speak of from now on. */
export interface NewMemory {
  readonly memory: WebAssembly.Memory;
}

/** Pixels to compress, and where in the memory everything is. */
export interface CompressOrder {
  readonly source: number;
  readonly sizeBytes: number;
  readonly elementBytes: number;
  /** Elements of one block of bitshuffle. */
  readonly blockElements: number;
  /** Where this thread may write. */
  readonly target: number;
  readonly scratch: number;
}

/** What `wasm/bitshuffleLz4.ts` exports. */
interface Kernel {
  compress(
    source: number,
    sizeBytes: number,
    elementBytes: number,
    blockElements: number,
    target: number,
    scratch: number,
  ): number;
}

/** A thread that compresses: it answers each order with the chunk, in the order in which they come. */
const { kernel } = workerData as ThreadStart;
let memory: WebAssembly.Memory | null = null;
let compress: Kernel['compress'] | null = null;

parentPort?.on('message', (message: NewMemory | CompressOrder) => {
  if ('memory' in message) {
    memory = message.memory;
    compress = (new WebAssembly.Instance(kernel, { env: { memory } }).exports as Kernel).compress;
    return;
  }
  if (memory === null || compress === null) throw new Error('There is no memory yet.');
  const { source, sizeBytes, elementBytes, blockElements, target, scratch } = message;
  const size = compress(source, sizeBytes, elementBytes, blockElements, target, scratch);
  const chunk = new Uint8Array(memory.buffer, target, size).slice();
  parentPort?.postMessage(chunk, [chunk.buffer]);
});
