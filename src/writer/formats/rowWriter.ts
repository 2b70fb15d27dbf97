import type { Hdf5 } from '../../files/hdf5.js';

/** Address and length of compressed bytes, for the pass-through filter. */
const REFERENCE_BYTES = 8;

/**
 * A reused piece of the HDF5 library's memory, through which all data goes to disk. Datasets written one after the
 * other share one.
 */
export class Scratch {
  #address = 0;
  #sizeBytes = 0;

  constructor(readonly hdf5: Hdf5) {}

  /** Copies `bytes` in; answers the address, valid until the next `put`. */
  put(bytes: Uint8Array): bigint {
    this.#reserve(bytes.byteLength);
    this.hdf5.Module.HEAPU8.set(bytes, this.#address);
    return BigInt(this.#address);
  }

  /**
   * As `put`, for a chunk that goes through the pass-through filter: the library is given memory of the size of the
   * plain chunk, which begins with where the filter finds the bytes, and how many.
   */
  putCompressed(bytes: Uint8Array, plainBytes: number): bigint {
    this.#reserve(Math.max(plainBytes, REFERENCE_BYTES + bytes.byteLength));
    const { HEAPU8 } = this.hdf5.Module;
    const reference = new DataView(HEAPU8.buffer, this.#address, REFERENCE_BYTES);
    reference.setUint32(0, this.#address + REFERENCE_BYTES, true);
    reference.setUint32(4, bytes.byteLength, true);
    HEAPU8.set(bytes, this.#address + REFERENCE_BYTES);
    return BigInt(this.#address);
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#sizeBytes) return;
    this.free();
    this.#address = this.hdf5.Module._malloc(sizeBytes);
    if (this.#address === 0) throw new Error(`Out of memory: ${sizeBytes} bytes for a frame.`);
    this.#sizeBytes = sizeBytes;
  }

  free(): void {
    if (this.#sizeBytes > 0) this.hdf5.Module._free(this.#address);
    this.#sizeBytes = 0;
  }
}

/** Where a dataset of rows lies. */
export interface RowsOptions {
  readonly scratch: Scratch;
  readonly fileId: bigint;
  readonly path: string;
  /** Lengths of the dimensions after the first. */
  readonly rowShape: readonly number[];
  /** Size of a row before it was compressed, when rows are written that are; null: they are plain. */
  readonly plainRowBytes?: number | null;
}

/**
 * A dataset that grows along its first dimension, row by row, in its own byte layout.
 *
 * It calls the library's bindings directly: h5wasm's `write_slice` reads the dataset's metadata anew after each
 * resize and allocates for each call, which for small frames costs more than the writing.
 */
export class RowWriter {
  readonly #scratch: Scratch;
  readonly #fileId: bigint;
  readonly #path: string;
  readonly #extent: bigint[];
  readonly #count: bigint[];
  readonly #offset: bigint[];
  readonly #strides: bigint[];
  readonly #plainRowBytes: number | null;
  #length = 0;

  constructor(options: RowsOptions) {
    this.#plainRowBytes = options.plainRowBytes ?? null;
    this.#scratch = options.scratch;
    this.#fileId = options.fileId;
    this.#path = options.path;
    const rowShape = options.rowShape.map(BigInt);
    this.#extent = [0n, ...rowShape];
    this.#count = [1n, ...rowShape];
    this.#offset = this.#extent.map(() => 0n);
    this.#strides = this.#extent.map(() => 1n);
  }

  /** Makes it at least `length` rows long; rows never written read as the fill value. */
  growTo(length: number): void {
    if (length <= this.#length) return;
    this.#extent[0] = BigInt(length);
    const status = this.#scratch.hdf5.Module.resize_dataset(this.#fileId, this.#path, this.#extent);
    if (status < 0) throw new Error(`HDF5 could not extend ${this.#path} to ${length} rows.`);
    this.#length = length;
  }

  /** Writes `count` rows from row `start` on, compressed ones singly; they have to be inside the present length. */
  write(start: number, count: number, bytes: Uint8Array): void {
    this.#offset[0] = BigInt(start);
    this.#count[0] = BigInt(count);
    // The library is done with the memory afterwards: each write opens and closes the dataset, with its cache.
    const address =
      this.#plainRowBytes === null
        ? this.#scratch.put(bytes)
        : this.#scratch.putCompressed(bytes, this.#plainRowBytes);
    const { Module } = this.#scratch.hdf5;
    const status = Module.set_dataset_data(
      this.#fileId,
      this.#path,
      this.#count,
      this.#offset,
      this.#strides,
      address,
    );
    if (status < 0) throw new Error(`HDF5 could not write ${count} rows to ${this.#path}.`);
  }
}
