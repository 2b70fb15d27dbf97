import { readSync } from 'node:fs';
import { CHUNK_INDEX } from './extensibleArray.js';
import { MetadataBlock, UNDEFINED_ADDRESS, type Write } from './metadataBlock.js';

const MESSAGE = { dataspace: 0x01, layout: 0x08, continuation: 0x10 } as const;
const CHUNKED = 2;
const FLAG_CREATION_ORDER = 0x04;
const FLAG_PHASE_CHANGE = 0x10;
const FLAG_TIMES = 0x20;
const CHECKSUM_BYTES = 4;
/** Enough for a header's prefix, and the first look at it. */
const PREFIX_BYTES = 64;

/** A message, and the block that it lies in. */
interface Message {
  readonly block: MetadataBlock;
  readonly at: number;
}

/**
 * The header of a dataset in a file that nobody else has open: where its data lies and how long it is.
 *
 * Source: HDF5 file format specification 3.0, IV.A "Data Object Headers".
 */
export class DatasetHeader {
  readonly #messages = new Map<number, Message>();

  /** @throws Error when there is no header of the kind that the library makes with `libver: 'v110'`. */
  constructor(
    readonly descriptor: number,
    readonly address: number,
  ) {
    const prefix = this.#read(address, PREFIX_BYTES, 'OHDR');
    const flags = prefix.getUint8(5);
    const sizeBytes = 2 ** (flags & 0x03);
    const sizeAt = 6 + ((flags & FLAG_TIMES) !== 0 ? 16 : 0) + ((flags & FLAG_PHASE_CHANGE) !== 0 ? 4 : 0);
    const start = sizeAt + sizeBytes;
    let messagesBytes = 0;
    for (let byte = sizeBytes - 1; byte >= 0; byte -= 1) {
      messagesBytes = messagesBytes * 256 + prefix.getUint8(sizeAt + byte);
    }
    const messageHead = (flags & FLAG_CREATION_ORDER) !== 0 ? 6 : 4;
    this.#scan(this.#block(address, start + messagesBytes + CHECKSUM_BYTES, 'OHDR'), start, messageHead);
  }

  /** Makes it so many rows long. */
  setRows(rows: number): void {
    const { block, at } = this.#message(MESSAGE.dataspace);
    if (block.view.getUint8(at) !== 2) throw this.#unknown('its dataspace is of another version');
    block.setLength(at + 4, rows);
  }

  /** Lets it find its chunks, all of which are still to come. */
  setIndex(address: number): void {
    const { block, at } = this.#message(MESSAGE.layout);
    const { view } = block;
    const rankBytes = view.getUint8(at + 3) * view.getUint8(at + 4);
    const indexAt = at + 5 + rankBytes;
    const isKnown =
      view.getUint8(at) === 4 &&
      view.getUint8(at + 1) === CHUNKED &&
      view.getUint8(indexAt) === CHUNK_INDEX.kind &&
      view.getBigUint64(indexAt + 6, true) === UNDEFINED_ADDRESS;
    if (!isKnown) throw this.#unknown('its layout is no empty one of chunks that grows in one dimension');
    block.setLength(indexAt + 6, address);
  }

  /** What has to be written. */
  take(): Write[] {
    const blocks = new Set([...this.#messages.values()].map(({ block }) => block));
    return [...blocks].flatMap((block) => block.take() ?? []);
  }

  #scan(block: MetadataBlock, start: number, messageHead: number): void {
    const { view } = block;
    const end = view.byteLength - CHECKSUM_BYTES;
    for (let at = start; at + messageHead <= end; ) {
      const type = view.getUint8(at);
      const size = view.getUint16(at + 1, true);
      at += messageHead;
      if (type === MESSAGE.continuation) {
        const next = Number(view.getBigUint64(at, true));
        this.#scan(this.#block(next, Number(view.getBigUint64(at + 8, true)), 'OCHK'), 4, messageHead);
      } else {
        this.#messages.set(type, { block, at });
      }
      at += size;
    }
  }

  #message(type: number): Message {
    const message = this.#messages.get(type);
    if (message === undefined) throw this.#unknown(`it has no message of type ${type}`);
    return message;
  }

  #block(address: number, sizeBytes: number, signature: string): MetadataBlock {
    const view = this.#read(address, sizeBytes, signature);
    const block = new MetadataBlock(address, new Uint8Array(view.buffer));
    // As it is in the file.
    block.take();
    return block;
  }

  #read(address: number, sizeBytes: number, signature: string): DataView<ArrayBuffer> {
    const bytes = new Uint8Array(sizeBytes);
    readSync(this.descriptor, bytes, 0, sizeBytes, address);
    if (new TextDecoder('latin1').decode(bytes.subarray(0, 4)) !== signature) {
      throw this.#unknown(`no ${signature} at ${address}`);
    }
    return new DataView(bytes.buffer);
  }

  #unknown(what: string): Error {
    return new Error(`The dataset at ${this.address} of the new file is not as expected: ${what}.`);
  }
}
