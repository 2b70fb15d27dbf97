import { ExtensibleArray } from './extensibleArray.js';
import type { Write } from './metadataBlock.js';
import type { DatasetHeader } from './objectHeader.js';

/** What a dataset is made of. */
export interface GrowingOptions {
  readonly header: DatasetHeader;
  readonly allocate: (sizeBytes: number) => number;
  /** Size of a chunk before it was compressed, when its chunks are; null: they are plain. */
  readonly plainChunkBytes: number | null;
}

/** Changes of a dataset, in the order in which a reader may see them. */
export interface Changes {
  readonly leaves: readonly Write[];
  readonly roots: readonly Write[];
  readonly headers: readonly Write[];
}

/** A dataset of chunks that grows along its first dimension. */
export class GrowingDataset {
  readonly #header: DatasetHeader;
  readonly #chunks: ExtensibleArray;
  #rows = 0;
  #hasChunks = false;

  constructor({ header, allocate, plainChunkBytes }: GrowingOptions) {
    this.#header = header;
    this.#chunks = new ExtensibleArray({
      allocate,
      chunkSizeBytes: plainChunkBytes === null ? null : chunkSizeBytes(plainChunkBytes),
    });
    header.setIndex(this.#chunks.headerAddress);
  }

  /** Takes the room that the index needs for a chunk; to be called before the chunk's bytes are appended. */
  reserve(number: number): void {
    this.#chunks.reserve(number);
  }

  /** Says where a chunk lies that is in the file, and for which room was reserved. */
  setChunk(number: number, address: number, storedBytes: number): void {
    this.#hasChunks = true;
    this.#chunks.set(number, { address, storedBytes });
  }

  /** Makes it at least so many rows long; those without a chunk read as the fill value. */
  growTo(rows: number): void {
    if (rows <= this.#rows) return;
    this.#rows = rows;
    this.#header.setRows(rows);
  }

  take(): Changes {
    // The room of its index goes to the disk with the first chunk.
    if (!this.#hasChunks) return { leaves: [], roots: [], headers: [] };
    return { ...this.#chunks.take(), headers: this.#header.take() };
  }
}

/** Bytes in which the library keeps the size of a compressed chunk: one more than the plain size needs. */
function chunkSizeBytes(plainBytes: number): number {
  return Math.min(8, 1 + Math.floor((Math.floor(Math.log2(plainBytes)) + 8) / 8));
}
