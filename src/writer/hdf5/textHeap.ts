import type { ImageBytes } from './imageBytes.js';

/** The library reads so much of a heap at once: none is smaller. */
const LEAST_BYTES = 4096;
const HEAD_BYTES = 16;
const OBJECT_HEAD_BYTES = 16;
const ALIGNMENT = 8;
const MOST_TEXTS = 0xffff;

/**
 * The texts of any length of a file. What refers to one says how many bytes it has, and its number in the heap.
 *
 * Source: HDF5 file format specification 3.0, III.E "Global Heap".
 */
export class TextHeap {
  readonly #texts: Buffer[] = [];
  readonly #references: number[] = [];

  /** Takes a text, and puts the reference to it; where the heap is will be filled in. */
  putReference(bytes: ImageBytes, text: string): void {
    const encoded = Buffer.from(text);
    this.#texts.push(encoded);
    if (this.#texts.length > MOST_TEXTS) throw new Error('The file has too many texts.');
    bytes.put32(encoded.byteLength);
    this.#references.push(bytes.length);
    bytes.put64(0);
    bytes.put32(this.#texts.length);
  }

  /** Puts the heap itself. */
  put(bytes: ImageBytes, start: number): void {
    if (this.#texts.length === 0) return;
    bytes.putZeros(padding(bytes.length));
    const at = bytes.length;
    for (const reference of this.#references) bytes.set64(reference, start + at);
    const used = this.#texts.reduce(
      (sum, { byteLength }) => sum + OBJECT_HEAD_BYTES + byteLength + padding(byteLength),
      HEAD_BYTES,
    );
    const size = Math.max(LEAST_BYTES, used + OBJECT_HEAD_BYTES);
    bytes.putText('GCOL');
    bytes.put8(1, 0, 0, 0);
    bytes.put64(size);
    for (const [index, text] of this.#texts.entries()) {
      putObjectHead(bytes, { number: index + 1, size: text.byteLength });
      bytes.put(text);
      bytes.putZeros(padding(text.byteLength));
    }
    // What is free is an object as well, its own head included.
    putObjectHead(bytes, { number: 0, size: size - used });
    bytes.putZeros(size - used - OBJECT_HEAD_BYTES);
  }
}

function putObjectHead(bytes: ImageBytes, { number, size }: { number: number; size: number }): void {
  bytes.put16(number);
  bytes.put16(0);
  bytes.put32(0);
  bytes.put64(size);
}

const padding = (size: number) => (ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT;
