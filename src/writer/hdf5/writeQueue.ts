import { write, writeSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { Write } from './metadataBlock.js';

/** Bytes for a place of the file, and what to do once they are there. */
export interface Piece {
  readonly address: number;
  /** One after the other. */
  readonly parts: readonly Uint8Array[];
  /** Called in the order in which the pieces have come. */
  readonly written: () => void;
}

const MOST_PIECES = 256;
const MOST_BYTES_AT_ONCE = 8 * 1024 * 1024;

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
  /** One write at a time: a second one would wait for the first all the same, for the lock of the file, and busily. */
  #isWriting = false;
  /** Ends with all that was begun so far; whether all of it was written. */
  #begun: Promise<boolean> = Promise.resolve(true);
  /** Bytes that have come and bytes that are written, ever. */
  #addedBytes = 0;
  #doneBytes = 0;
  #failure: Error | null = null;

  constructor(readonly descriptor: number) {}

  /** @throws Error of the first write that failed. */
  add(piece: Piece): void {
    if (this.#failure !== null) throw this.#failure;
    this.#waiting.push(piece);
    this.#addedBytes += sizeOf(piece);
    // Not at once: more may come in this turn.
    if (!this.#isWriting) queueMicrotask(() => this.#next());
  }

  /** As `add`, of bytes whose memory will be used again: written now, or copied where others come first. */
  addBorrowed(piece: Piece): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#doneBytes < this.#addedBytes) {
      this.add({ ...piece, parts: piece.parts.map((part) => Uint8Array.from(part)) });
      return;
    }
    let { address } = piece;
    for (const part of piece.parts) {
      writeWholeSync(this.descriptor, { address, bytes: part });
      address += part.byteLength;
    }
    piece.written();
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
    for (let begun: unknown = null; begun !== this.#begun; await begun) begun = this.#begun;
  }

  #next(): void {
    const [first] = this.#waiting;
    if (this.#isWriting || first === undefined || this.#failure !== null) return;
    let [count, end] = [0, first.address];
    for (const piece of this.#waiting) {
      const isMore = count > 0 && (piece.address !== end || end - first.address >= MOST_BYTES_AT_ONCE);
      if (isMore || count >= MOST_PIECES) break;
      end += sizeOf(piece);
      count += 1;
    }
    const pieces = this.#waiting.splice(0, count);
    this.#isWriting = true;
    const writing = this.#write(pieces).finally(() => {
      this.#isWriting = false;
      this.#next();
    });
    this.#begun = Promise.all([this.#begun, writing]).then(([isWhole, written]) => {
      // What comes after a gap is not to be found.
      const isConcluded = isWhole && this.#conclude(pieces.slice(0, written));
      this.#wake();
      return isConcluded && written === pieces.length;
    });
  }

  /** How many of the pieces, from the first on, were written. Never throws. */
  async #write(pieces: readonly Piece[]): Promise<number> {
    let address = pieces[0]?.address ?? 0;
    let count = 0;
    try {
      const parts = pieces.flatMap((piece) => piece.parts);
      let { bytesWritten: left } = await writePieces(this.descriptor, parts, address);
      for (const piece of pieces) {
        for (const bytes of piece.parts) {
          const size = bytes.byteLength;
          // A disk that is nearly full can cut a write short.
          if (left < size) await writeWhole(this.descriptor, { address, bytes, done: Math.max(0, left) });
          left -= size;
          address += size;
        }
        count += 1;
      }
    } catch (error) {
      this.#fail(error);
    }
    return count;
  }

  #conclude(pieces: readonly Piece[]): boolean {
    try {
      for (const piece of pieces) {
        this.#doneBytes += sizeOf(piece);
        piece.written();
      }
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#waiting.length = 0;
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#doneBytes >= waiter.target) waiter.resolve();
      else if (this.#failure !== null) waiter.reject(this.#failure);
      else this.#waiters.push(waiter);
    }
  }
}

function sizeOf({ parts }: Piece): number {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  return bytes;
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

/** Writes bytes at their place now. */
export function writeWholeSync(descriptor: number, { address, bytes }: Write): void {
  for (let done = 0; done < bytes.byteLength; ) {
    done += writeSync(descriptor, bytes, done, bytes.byteLength - done, address + done);
  }
}
