import { write, writeSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { Write } from './metadataBlock.js';

/** Bytes for a place of the file, and what to do once they are there. */
export interface Piece extends Write {
  readonly written: () => void;
}

const MOST_PIECES = 256;
const MOST_BYTES_AT_ONCE = 8 * 1024 * 1024;
/** Writes under way at a time: the next one begins while the end of the last is still to be noticed. */
const LANES = 2;

const writePieces = promisify(writev);
const writeBytes = promisify(write);

interface Waiter {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Data on its way to the disk, in places that never overlap; what lies side by side is written at once. Nothing is
 * copied: the bytes have to stay as they are until they are written.
 *
 * The first failure is kept: everybody who waits gets it, and so does everybody who comes later.
 */
export class WriteQueue {
  readonly #waiting: Piece[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** Bytes that have come and bytes that are written, ever. */
  #addedBytes = 0;
  #doneBytes = 0;
  #failure: Error | null = null;

  constructor(readonly descriptor: number) {}

  /** @throws Error of the first write that failed. */
  add(piece: Piece): void {
    if (this.#failure !== null) throw this.#failure;
    this.#waiting.push(piece);
    this.#addedBytes += piece.bytes.byteLength;
    // Not at once: more may come in this turn.
    if (this.#underWay.size < LANES) queueMicrotask(() => this.#next());
  }

  /** Writes now what cannot wait, because its memory will be used again. */
  addNow({ address, bytes, written }: Piece): void {
    if (this.#failure !== null) throw this.#failure;
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(this.descriptor, bytes, done, bytes.byteLength - done, address + done);
    }
    written();
  }

  /**
   * Resolves when at most so many of the bytes that have come by now are still on their way; undefined when it is so.
   *
   * @throws Error of the first write that failed.
   */
  atMost(bytes: number): Promise<void> | undefined {
    if (this.#failure !== null) throw this.#failure;
    const target = this.#addedBytes - bytes;
    if (this.#doneBytes >= target) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ target, resolve, reject });
    });
  }

  /** Resolves when nothing is under way any more, be it written or failed. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #next(): void {
    const [first] = this.#waiting;
    if (this.#underWay.size >= LANES || first === undefined || this.#failure !== null) return;
    let [count, end] = [0, first.address];
    for (const { address, bytes } of this.#waiting) {
      const isMore = count > 0 && (address !== end || end - first.address >= MOST_BYTES_AT_ONCE);
      if (isMore || count >= MOST_PIECES) break;
      end += bytes.byteLength;
      count += 1;
    }
    const writing = this.#write(this.#waiting.splice(0, count)).then(() => {
      this.#underWay.delete(writing);
      this.#wake();
      this.#next();
    });
    this.#underWay.add(writing);
  }

  /** Never throws. */
  async #write(pieces: readonly Piece[]): Promise<void> {
    const start = pieces[0]?.address ?? 0;
    try {
      const buffers = pieces.map(({ bytes }) => bytes);
      let { bytesWritten: left } = await writePieces(this.descriptor, buffers, start);
      for (const { address, bytes, written } of pieces) {
        const size = bytes.byteLength;
        // A disk that is nearly full can cut a write short.
        if (left < size) await writeWhole(this.descriptor, { address, bytes, done: Math.max(0, left) });
        left -= size;
        this.#doneBytes += size;
        written();
      }
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.#waiting.length = 0;
    }
  }

  #wake(): void {
    const waiters = this.#waiters.splice(0);
    for (const waiter of waiters) {
      if (this.#failure !== null) waiter.reject(this.#failure);
      else if (this.#doneBytes >= waiter.target) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}

/** Writes bytes at their places, as many at a time as the system does. */
export async function writeEach(descriptor: number, writes: readonly Write[]): Promise<void> {
  await Promise.all(writes.map((one) => writeWhole(descriptor, { ...one, done: 0 })));
}

async function writeWhole(
  descriptor: number,
  { address, bytes, done: start }: Write & { readonly done: number },
): Promise<void> {
  for (let done = start; done < bytes.byteLength; ) {
    const left = bytes.byteLength - done;
    done += (await writeBytes(descriptor, bytes, done, left, address + done)).bytesWritten;
  }
}
