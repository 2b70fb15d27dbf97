import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { FLAG, SUPERBLOCK_BYTES, sealSuperblock } from '../../files/superblock.js';
import { FileSpace } from './fileSpace.js';
import { type Changes, GrowingDataset } from './growingDataset.js';
import type { Write } from './metadataBlock.js';
import { DatasetHeader } from './objectHeader.js';
import { WriteQueue, writeEach } from './writeQueue.js';

/** Where frames go that are to be written. */
export interface Appended {
  readonly bytes: Uint8Array;
  /** The memory is used again as soon as `append` has returned. */
  readonly isBorrowed: boolean;
  /** Called once the bytes are in the file, with where they are. */
  readonly written: (address: number) => void;
}

/**
 * An HDF5 file that grows at its end: all its objects are there, then the data and the index that finds them are written
 * here.
 *
 * Readers may follow with SWMR: what they are led to is always in the file before that which leads there.
 *
 * The room that a frame needs in the index goes to the disk with the frame: on a disk that is full, every frame that was
 * written can still be found.
 */
export class AppendFile {
  readonly #descriptor: number;
  readonly #superblock = Buffer.alloc(SUPERBLOCK_BYTES);
  readonly #queue: WriteQueue;
  readonly #datasets: GrowingDataset[] = [];
  readonly #leaves: Write[] = [];
  readonly #patches: Write[] = [];
  /** What flushes have to write, in this order; what failed stays. */
  readonly #due: Write[][] = [];
  readonly #space: FileSpace;
  /** All that readers are led to lies before this. */
  #writtenEnd: number;
  #flushing: Promise<void> = Promise.resolve();
  /** Whether readers have been led to anything. */
  #hasShown = false;

  constructor(readonly path: string) {
    this.#descriptor = openSync(path, 'r+');
    this.#queue = new WriteQueue(this.#descriptor);
    readSync(this.#descriptor, this.#superblock, 0, SUPERBLOCK_BYTES, 0);
    this.#writtenEnd = fstatSync(this.#descriptor).size;
    this.#space = new FileSpace(this.#writtenEnd);
  }

  /**
   * A dataset that was made empty.
   *
   * @param address - Of its object header.
   * @param plainChunkBytes - Size of a chunk before it was compressed, when its chunks are; null: they are plain.
   */
  growing(address: number, plainChunkBytes: number | null = null): GrowingDataset {
    const header = new DatasetHeader(this.#descriptor, address);
    const allocate = (sizeBytes: number) => this.reserve(sizeBytes);
    const dataset = new GrowingDataset({ header, allocate, plainChunkBytes });
    this.#datasets.push(dataset);
    return dataset;
  }

  /** @throws Error of the first write that failed. */
  append({ bytes, isBorrowed, written }: Appended): void {
    const { address, freshBytes } = this.#space.frame(bytes.byteLength);
    const end = address + bytes.byteLength;
    const piece = {
      address: address - freshBytes,
      parts: freshBytes === 0 ? [bytes] : [new Uint8Array(freshBytes), bytes],
      written: () => {
        this.#writtenEnd = Math.max(this.#writtenEnd, end);
        written(address);
      },
    };
    if (isBorrowed) this.#queue.addBorrowed(piece);
    else this.#queue.add(piece);
  }

  /** Room for bytes that come with a flush after the next frame is written. */
  reserve(sizeBytes: number): number {
    return this.#space.reserve(sizeBytes);
  }

  /** Bytes that go to the disk with the next flush; those of one flush must not overlap. */
  put(write: Write): void {
    this.#leaves.push(write);
  }

  /** As `put`, over what was put there earlier. */
  patch(write: Write): void {
    this.#patches.push(write);
  }

  /** Resolves when at most so many bytes are on their way; undefined when it is so now. */
  atMost(bytes: number): Promise<void> | undefined {
    return this.#queue.atMost(bytes);
  }

  /**
   * Shows readers all that is in the file by now.
   *
   * @param prepare - Called before anything is written, to `put` what is to go along. Flushes follow one another.
   */
  flush(prepare: () => void): Promise<void> {
    this.#flushing = this.#flushing.catch(() => undefined).then(() => this.#flush(prepare));
    return this.#flushing;
  }

  /** After a failure: resolves when nothing is under way any more. Cuts off what is left of a frame that did not fit. */
  async settle(): Promise<void> {
    await this.#queue.idle();
    await this.#flushing.catch(() => undefined);
    ftruncateSync(this.#descriptor, this.#writtenEnd);
  }

  /** Writes at once, for values that are not part of a dataset that grows. */
  async overwrite(writes: readonly Write[]): Promise<void> {
    await writeEach(this.#descriptor, writes);
  }

  /** Marks the file as being at rest; to be closed afterwards. */
  async rest(): Promise<void> {
    await this.overwrite([this.#superblockFor(0)]);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  async #flush(prepare: () => void): Promise<void> {
    prepare();
    const changes = this.#datasets.map((dataset) => dataset.take());
    const all = (kind: keyof Changes) => changes.flatMap((change) => change[kind]);
    const leaves = [...this.#leaves.splice(0), ...all('leaves')];
    const superblock = this.#superblockFor(FLAG.write | FLAG.swmr);
    const [patches, roots, headers] = [this.#patches.splice(0), all('roots'), all('headers')];
    if (this.#hasShown) this.#due.push(leaves, patches, [superblock], roots, headers);
    // Until the first headers nobody is led to anything else, so that needs no order.
    else this.#due.push([...leaves, superblock, ...roots], patches, headers);
    this.#hasShown ||= headers.length > 0;
    for (let next = this.#due[0]; next !== undefined; next = this.#due[0]) {
      await writeEach(this.#descriptor, next);
      this.#due.shift();
    }
  }

  #superblockFor(flags: number): Write {
    sealSuperblock(this.#superblock, { flags, endBytes: this.#writtenEnd });
    return { address: 0, bytes: Uint8Array.from(this.#superblock) };
  }
}
