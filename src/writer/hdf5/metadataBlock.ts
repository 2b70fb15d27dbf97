import { lookup3 } from '../../files/lookup3.js';

/** Address that stands for "nowhere". */
export const UNDEFINED_ADDRESS = 0xffff_ffff_ffff_ffffn;

const CHECKSUM_BYTES = 4;

/** A piece of a file's metadata that lies at one place and ends with its checksum; kept in memory while it changes. */
export class MetadataBlock {
  readonly view: DataView;
  #isDirty = true;

  constructor(
    readonly address: number,
    readonly bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A new one, empty but for its signature. */
  static create(address: number, sizeBytes: number, signature = ''): MetadataBlock {
    const bytes = new Uint8Array(sizeBytes);
    new TextEncoder().encodeInto(signature, bytes);
    return new MetadataBlock(address, bytes);
  }

  setLength(offset: number, value: number): void {
    this.view.setBigUint64(offset, BigInt(value), true);
    this.#isDirty = true;
  }

  /** To be said after a change through `view` or `bytes`. */
  touch(): void {
    this.#isDirty = true;
  }

  /** What has to be written, as it is now; null when nothing has changed since the last time. */
  take(): Write | null {
    if (!this.#isDirty) return null;
    this.#isDirty = false;
    const end = this.bytes.byteLength - CHECKSUM_BYTES;
    this.view.setUint32(end, lookup3(this.bytes.subarray(0, end)), true);
    return { address: this.address, bytes: this.bytes.slice() };
  }
}

/** Bytes that belong to a place of the file. */
export interface Write {
  readonly address: number;
  readonly bytes: Uint8Array;
}
