import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { COMPRESSION_KERNEL, PROGRAM_FILES } from '../../programFiles.js';
import { defaultBlock } from '../decoders/compression.js';
import { type CompressorError, givenUp, threadEnded, tooLarge } from './compressorError.js';
import { CompressorLayout, type FrameSize, LARGEST_PAGES, PAGE_BYTES } from './compressorLayout.js';
import type { CompressOrder, NewMemory, ThreadStart } from './compressThread.js';

/** Pixels to be compressed. */
export interface Plain {
  readonly pixels: Uint8Array;
  /** Their memory is used again as soon as `compress` has returned. */
  readonly isBorrowed: boolean;
  /** Called once their memory is not needed any more. */
  readonly copied: () => void;
}

/** Pixels that are being compressed. */
export interface Compressing {
  /** The chunk as HDF5's filter 32008 stores it, in memory of its own. Rejects with a `CompressorError`. */
  readonly chunk: Promise<Uint8Array>;
  /** Makes room for another frame: to be called once, when the chunk has gone its way. */
  readonly done: () => void;
}

interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

interface Job extends Settle<Uint8Array> {
  pixels: Uint8Array;
  readonly copied: () => void;
  /** Makes its place in the memory of the threads free; null while it waits for one. */
  leave: (() => void) | null;
}

interface Thread {
  readonly worker: Worker;
  /** They are answered in this order. */
  readonly jobs: Job[];
}

/** How a compressor is made. */
export interface CompressorOptions {
  /** At least 1. */
  readonly threads: number;
  /** The program of a thread; by default our own. */
  readonly program?: string;
}

/**
 * Threads that compress frames with bitshuffle and LZ4. Pixels are copied into memory that all threads share, which has room
 * for a bounded number of frames; the memory in which they came is free then.
 *
 * When a thread ends, all that is under way fails, and so does everything that comes later.
 */
export class Compressor {
  readonly #threads: readonly Thread[];
  #memory: WebAssembly.Memory | null = null;
  #bytes: Uint8Array = new Uint8Array(0);
  #layout: CompressorLayout | null = null;
  /** Places for frames; the one that was used last comes first: it is in the processor's cache. */
  #free: number[] = [];
  readonly #waiting: Job[] = [];
  readonly #waiters: Settle<void>[] = [];
  #failure: CompressorError | null = null;

  /** @throws Error when the kernel is not there, which the build makes. */
  constructor({ threads, program = PROGRAM_FILES.compressThread }: CompressorOptions) {
    const start: ThreadStart = { kernel: new WebAssembly.Module(readFileSync(COMPRESSION_KERNEL)) };
    this.#threads = Array.from({ length: threads }, () => this.#startThread(program, start));
  }

  /** Why it compresses no more; null while it does. */
  get failure(): CompressorError | null {
    return this.#failure;
  }

  /**
   * Says how large all frames are that come next. Those of a file before, which has failed, may be with the threads still;
   * what of them waits for a place is given up.
   *
   * @throws CompressorError when there is not enough memory.
   */
  prepare(size: FrameSize): void {
    const layout = new CompressorLayout(this.#threads.length, size);
    const isInUse = this.#threads.some(({ jobs }) => jobs.length > 0);
    // The threads read and write where they were told to, until they have done what they were asked before.
    if (isInUse || this.#bytes.byteLength < layout.pages * PAGE_BYTES) this.#allocate(layout);
    for (const { copied, reject } of this.#waiting.splice(0)) {
      copied();
      reject(givenUp());
    }
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
    this.#layout = layout;
    this.#free = Array.from({ length: layout.places }, (_, index) => index);
  }

  /** Takes a frame of the size that was said. @throws CompressorError once a thread has ended. */
  compress({ pixels, isBorrowed, copied }: Plain): Compressing {
    if (this.#failure !== null) throw this.#failure;
    let settle: Settle<Uint8Array> | undefined;
    const chunk = new Promise<Uint8Array>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const job: Job = { pixels, copied, leave: null, ...(settle as Settle<Uint8Array>) };
    const isNow = this.#begin(job);
    if (!isNow) {
      if (isBorrowed) job.pixels = Uint8Array.from(pixels);
      this.#waiting.push(job);
    }
    return { chunk, done: () => this.#end(job) };
  }

  /**
   * Resolves when there is room for another frame; undefined when there is now. Rejects with a `CompressorError`.
   *
   * @throws CompressorError once a thread has ended.
   */
  room(): Promise<void> | undefined {
    if (this.#failure !== null) throw this.#failure;
    if (this.#layout === null || this.#free.length > 0) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  #startThread(program: string, start: ThreadStart): Thread {
    // The program's own flags may not suit a thread.
    const worker = new Worker(program, { workerData: start, execArgv: [] });
    const thread: Thread = { worker, jobs: [] };
    worker.on('message', (chunk: Uint8Array) => thread.jobs.shift()?.resolve(chunk));
    worker.on('error', (error) => this.#fail(threadEnded(`failed: ${error.message}`)));
    worker.on('exit', (code) => this.#fail(threadEnded(`ended with code ${code}`)));
    // Threads keep no program alive; whoever waits for frames does.
    worker.unref();
    return thread;
  }

  #allocate(layout: CompressorLayout): void {
    const { pages, size } = layout;
    if (pages > LARGEST_PAGES) throw tooLarge(size, 'more than 4 GiB would be needed');
    try {
      this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (error) {
      throw tooLarge(size, (error as Error).message);
    }
    this.#bytes = new Uint8Array(this.#memory.buffer);
    for (const { worker } of this.#threads) {
      worker.postMessage({ memory: this.#memory } satisfies NewMemory);
    }
  }

  /** False when there is no place for it. */
  #begin(job: Job): boolean {
    const layout = this.#layout;
    const free = this.#free;
    const place = free.pop();
    if (layout === null || place === undefined) return false;
    job.leave = () => free.push(place);
    const source = layout.place(place);
    this.#bytes.set(job.pixels, source);
    job.pixels = new Uint8Array(0);
    job.copied();
    const index = this.#leastBusy();
    const thread = this.#threads[index] as Thread;
    thread.jobs.push(job);
    const { bytes: sizeBytes, elementBytes } = layout.size;
    const [scratch, target] = [layout.scratch(index), layout.target(index)];
    const blockElements = defaultBlock(elementBytes);
    const order: CompressOrder = { source, sizeBytes, elementBytes, blockElements, scratch, target };
    thread.worker.postMessage(order);
    return true;
  }

  #leastBusy(): number {
    let least = 0;
    this.#threads.forEach(({ jobs }, index) => {
      if (jobs.length < (this.#threads[least] as Thread).jobs.length) least = index;
    });
    return least;
  }

  #end(job: Job): void {
    if (job.leave === null || this.#failure !== null) return;
    job.leave();
    job.leave = null;
    const next = this.#free.length > 0 ? this.#waiting.shift() : undefined;
    if (next !== undefined) this.#begin(next);
    if (this.#free.length > 0) for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  #fail(failure: CompressorError): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    const waiting = this.#waiting.splice(0);
    for (const { copied } of waiting) copied();
    for (const job of this.#threads.flatMap(({ jobs }) => jobs.splice(0))) job.reject(failure);
    for (const job of waiting) job.reject(failure);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure);
    for (const { worker } of this.#threads) void worker.terminate();
  }
}
