import { lookup3 } from '../../files/lookup3.js';
import { typeMessage, valueBytes } from './dataTypes.js';
import { CHUNK_INDEX } from './extensibleArray.js';
import { ImageBytes } from './imageBytes.js';
import { UNDEFINED_ADDRESS } from './metadataBlock.js';
import type { AttributeValue, GrowingChunks, NewDataset, NewGroup, SoftLink } from './newObjects.js';
import { TextHeap } from './textHeap.js';

/** Types of messages, and the flags that the library gives them. */
const MESSAGE = {
  dataspace: [0x01, 0],
  linkInfo: [0x02, 0],
  type: [0x03, 1],
  fillValue: [0x05, 1],
  link: [0x06, 0],
  layout: [0x08, 0],
  groupInfo: [0x0a, 1],
  filters: [0x0b, 1],
  attribute: [0x0c, 0],
  attributeInfo: [0x15, 4],
} as const;

/** Times are kept; the size of the messages has four bytes. */
const HEADER_FLAGS = 0x20 | 0x02;
const HEADER_SIZE_AT = 4 + 1 + 1 + 4 * 4;
const CHECKSUM_BYTES = 4;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;
/** Room is made late, or with each chunk; values are filled in where the library would do it. */
const FILL = { text: 0x02, value: 0x0a, chunks: 0x0b } as const;
const LINK = { hard: 0x00, soft: 0x08 } as const;
const SOFT_LINK_TYPE = 1;
/** Printable ASCII without the slash: a link of other characters would have to say so. */
const NAME = /^(?!\.$)[\x20-.0-~]{1,255}$/;
const LARGEST_CHUNK_BYTES = 0xffff_ffff;
/** Filters beyond that have a name in the file, which may be empty. */
const MOST_NAMELESS_FILTERS = 255;

/** Objects as bytes of a file. */
export interface FileImage {
  readonly bytes: Uint8Array;
  readonly rootAddress: number;
  /** Where the header of a dataset lies. */
  readonly headers: ReadonlyMap<NewDataset, number>;
  /** Where the value of a dataset of one value lies. */
  readonly values: ReadonlyMap<NewDataset, number>;
}

/**
 * Makes the objects of a file, as the HDF5 library makes them with `libver: 'v110'`, for a place in the file that nobody
 * uses yet. The library itself takes longer to load than all the rest of a writer, and longer to make a file than a
 * beamline wants to wait between two.
 *
 * Source: HDF5 file format specification 3.0, IV.A "Data Object Headers".
 */
export function imageOf(root: NewGroup, { start, at }: { start: number; at: Date }): FileImage {
  const image = new Image(start, Math.floor(at.getTime() / 1000));
  return image.of(root);
}

class Image {
  readonly #bytes = new ImageBytes();
  readonly #heap = new TextHeap();
  readonly #checked: { readonly from: number; readonly to: number }[] = [];
  readonly #headers = new Map<NewDataset, number>();
  readonly #values = new Map<NewDataset, number>();

  constructor(
    readonly start: number,
    readonly timeS: number,
  ) {}

  of(root: NewGroup): FileImage {
    const bytes = this.#bytes;
    const rootAddress = this.#group(root);
    this.#heap.put(bytes, this.start);
    // Only now everything is in its place.
    for (const { from, to } of this.#checked) bytes.set32(to, lookup3(bytes.slice(from, to)));
    return {
      bytes: bytes.slice(0, bytes.length),
      rootAddress,
      headers: this.#headers,
      values: this.#values,
    };
  }

  /** Puts all that is below before itself: it has to know where that is. */
  #group({ attributes, children }: NewGroup): number {
    const links = [...children].map(
      ([name, child]) => [name, child.kind === 'link' ? child : this.#object(child)] as const,
    );
    return this.#header(() => {
      this.#message(MESSAGE.linkInfo, (bytes) => {
        bytes.put8(0, 0);
        bytes.put64(UNDEFINED_ADDRESS);
        bytes.put64(UNDEFINED_ADDRESS);
      });
      this.#message(MESSAGE.groupInfo, (bytes) => bytes.put8(0, 0));
      for (const [name, target] of links) this.#link(name, target);
      this.#attributes(attributes);
    });
  }

  #object(child: NewGroup | NewDataset): number {
    return child.kind === 'group' ? this.#group(child) : this.#dataset(child);
  }

  #dataset(dataset: NewDataset): number {
    const { type, content, attributes } = dataset;
    const valueAddress = 'value' in content ? this.#value(content.value) : null;
    if (valueAddress !== null) this.#values.set(dataset, valueAddress);
    const address = this.#header(() => {
      if ('value' in content) this.#dataspace([]);
      else this.#dataspace([0, ...content.rowShape], [UNLIMITED, ...content.rowShape]);
      this.#message(MESSAGE.type, (bytes) => bytes.put(typeMessage(type)));
      const fill = 'value' in content ? (type === 'text' ? FILL.text : FILL.value) : FILL.chunks;
      this.#message(MESSAGE.fillValue, (bytes) => bytes.put8(3, fill));
      if ('value' in content) {
        this.#message(MESSAGE.layout, (bytes) => {
          bytes.put8(3, 1);
          bytes.put64(valueAddress ?? UNDEFINED_ADDRESS);
          bytes.put64(valueBytes(type));
        });
      } else {
        this.#filters(content);
        this.#chunks(content, valueBytes(type));
      }
      this.#attributes(attributes);
    });
    this.#headers.set(dataset, address);
    return address;
  }

  #value(value: Uint8Array | string): number {
    const address = this.#here();
    if (typeof value === 'string') this.#heap.putReference(this.#bytes, value);
    else this.#bytes.put(value);
    return address;
  }

  #dataspace(shape: readonly number[], most: readonly (number | bigint)[] = []): void {
    this.#message(MESSAGE.dataspace, () => this.#dimensions(shape, most));
  }

  #dimensions(shape: readonly number[], most: readonly (number | bigint)[]): void {
    const bytes = this.#bytes;
    bytes.put8(2, shape.length, most.length > 0 ? 1 : 0, shape.length > 0 ? 1 : 0);
    for (const length of [...shape, ...most]) bytes.put64(length);
  }

  #filters({ filter }: GrowingChunks): void {
    if (filter === undefined) return;
    this.#message(MESSAGE.filters, (bytes) => {
      bytes.put8(2, 1);
      bytes.put16(filter.id);
      if (filter.id > MOST_NAMELESS_FILTERS) bytes.put16(0);
      bytes.put16(0);
      bytes.put16(filter.options.length);
      for (const option of filter.options) bytes.put32(option);
    });
  }

  #chunks({ rowShape, chunkRows }: GrowingChunks, elementBytes: number): void {
    const lengths = [chunkRows, ...rowShape, elementBytes];
    if (lengths.reduce((bytes, length) => bytes * length) > LARGEST_CHUNK_BYTES)
      throw new Error('A chunk of a dataset would be of 4 GiB or more.');
    const lengthBytes = 1 + Math.floor(Math.log2(Math.max(...lengths)) / 8);
    this.#message(MESSAGE.layout, (bytes) => {
      bytes.put8(4, 2, 0, lengths.length, lengthBytes);
      for (const length of lengths) {
        for (let byte = 0; byte < lengthBytes; byte += 1) {
          bytes.put8(Math.floor(length / 256 ** byte) % 256);
        }
      }
      bytes.put8(CHUNK_INDEX.kind, ...CHUNK_INDEX.parameters);
      bytes.put64(UNDEFINED_ADDRESS);
    });
  }

  #link(name: string, target: number | SoftLink): void {
    if (!NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name for an object of a file.`);
    this.#message(MESSAGE.link, (bytes) => {
      if (typeof target === 'number') bytes.put8(1, LINK.hard);
      else bytes.put8(1, LINK.soft, SOFT_LINK_TYPE);
      bytes.put8(Buffer.byteLength(name));
      bytes.putText(name);
      if (typeof target === 'number') {
        bytes.put64(target);
      } else {
        bytes.put16(Buffer.byteLength(target.path));
        bytes.putText(target.path);
      }
    });
  }

  #attributes(attributes: ReadonlyMap<string, AttributeValue>): void {
    if (attributes.size === 0) return;
    this.#message(MESSAGE.attributeInfo, (bytes) => {
      bytes.put8(0, 0);
      bytes.put64(UNDEFINED_ADDRESS);
      bytes.put64(UNDEFINED_ADDRESS);
    });
    for (const [name, value] of attributes) this.#attribute(name, value);
  }

  #attribute(name: string, value: AttributeValue): void {
    const texts = typeof value === 'string' ? [value] : value;
    const shape = typeof value === 'string' ? [] : [value.length];
    const type = typeMessage('text');
    this.#message(MESSAGE.attribute, (bytes) => {
      bytes.put8(3, 0);
      bytes.put16(Buffer.byteLength(name) + 1);
      bytes.put16(type.byteLength);
      const spaceBytesAt = bytes.length;
      bytes.put16(0);
      bytes.put8(0);
      bytes.putText(`${name}\0`);
      bytes.put(type);
      const spaceAt = bytes.length;
      this.#dimensions(shape, shape);
      bytes.set16(spaceBytesAt, bytes.length - spaceAt);
      for (const text of texts) this.#heap.putReference(bytes, text);
    });
  }

  #header(putMessages: () => void): number {
    const bytes = this.#bytes;
    const from = bytes.length;
    bytes.putText('OHDR');
    bytes.put8(2, HEADER_FLAGS);
    // Last read, last changed, header last changed, made.
    for (let time = 0; time < 4; time += 1) bytes.put32(this.timeS);
    bytes.put32(0);
    const messagesAt = bytes.length;
    putMessages();
    bytes.set32(from + HEADER_SIZE_AT, bytes.length - messagesAt);
    this.#checked.push({ from, to: bytes.length });
    bytes.putZeros(CHECKSUM_BYTES);
    return this.start + from;
  }

  #message([type, flags]: readonly [number, number], putContent: (bytes: ImageBytes) => void): void {
    const bytes = this.#bytes;
    bytes.put8(type);
    const sizeAt = bytes.length;
    bytes.put16(0);
    bytes.put8(flags);
    putContent(bytes);
    const size = bytes.length - sizeAt - 3;
    if (size > 0xffff) throw new Error('An object of the file needs a message of more than 64 KiB.');
    bytes.set16(sizeAt, size);
  }

  #here(): number {
    return this.start + this.#bytes.length;
  }
}
