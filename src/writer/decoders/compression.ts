/** How pixels are compressed. */
export type Compression =
  | { readonly algorithm: 'lz4' }
  | {
      readonly algorithm: 'bslz4';
      /** Size of one element in bytes: the bits are shuffled element by element. */
      readonly elementBytes: number;
    };

/** Compressed bytes that are none, or do not come out at the size expected; the message says why. */
export class CompressionError extends Error {}

/** Bitshuffle takes blocks of about this many bytes when nobody says otherwise. */
const BITSHUFFLE_BLOCK_BYTES = 8192;
const BITSHUFFLE_ELEMENTS_AT_ONCE = 8;
/** Size of what HDF5's filters put before the blocks: 8 bytes size of the pixels, 4 that of a block. */
export const FRAMING_BYTES = 12;

/**
 * Decompresses into `target`, which has to have the size of the pixels.
 *
 * Both algorithms come bare or framed as HDF5's filters have them: 8 bytes with the size of the pixels, 4 with that of
 * a block, both big-endian. A bare stream cannot begin like that, so they are told apart.
 *
 * Sources: LZ4 block format (github.com/lz4/lz4, doc/lz4_Block_format.md); HDF5 filters 32004 (LZ4) and 32008
 * (bitshuffle, github.com/kiyo-masui/bitshuffle).
 *
 * @throws CompressionError
 */
export function decompress(compression: Compression, source: Uint8Array, target: Uint8Array): void {
  const framing = readFraming(source, target.byteLength);
  if (compression.algorithm === 'bslz4') {
    decompressBitshuffle(source, target, { framing, elementBytes: compression.elementBytes });
  } else if (framing === null) {
    decompressBlock(source, target);
  } else {
    decompressBlocks(source, target, framing.blockBytes);
  }
}

/** What it says. */
interface Framing {
  readonly blockBytes: number;
}

/** What HDF5's filters put before the blocks; null where it is not there. */
export function readFraming(source: Uint8Array, sizeBytes: number): Framing | null {
  if (source.byteLength < FRAMING_BYTES) return null;
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  if (view.getBigUint64(0) !== BigInt(sizeBytes)) return null;
  return { blockBytes: view.getUint32(8) };
}

/** Blocks of LZ4 with their lengths before them; one that did not get smaller is stored as it is. */
function decompressBlocks(source: Uint8Array, target: Uint8Array, blockBytes: number): void {
  if (blockBytes === 0) throw new CompressionError('the blocks have no size');
  const blocks = new Blocks(source, FRAMING_BYTES);
  for (let start = 0; start < target.byteLength; start += blockBytes) {
    const out = target.subarray(start, start + blockBytes);
    const block = blocks.next();
    if (block.byteLength === out.byteLength) out.set(block);
    else decompressBlock(block, out);
  }
}

interface BitshuffleLayout {
  readonly framing: Framing | null;
  readonly elementBytes: number;
}

function decompressBitshuffle(
  source: Uint8Array,
  target: Uint8Array,
  { framing, elementBytes }: BitshuffleLayout,
): void {
  const elements = target.byteLength / elementBytes;
  if (!Number.isInteger(elements)) throw new CompressionError(`elements of ${elementBytes} bytes do not fit`);
  const blockElements = framing === null ? defaultBlock(elementBytes) : framing.blockBytes / elementBytes;
  if (!(blockElements > 0) || blockElements % BITSHUFFLE_ELEMENTS_AT_ONCE !== 0) {
    throw new CompressionError(`blocks of ${framing?.blockBytes} bytes make no whole elements`);
  }
  const blocks = new Blocks(source, framing === null ? 0 : FRAMING_BYTES);
  const shuffled = new Uint8Array(Math.min(blockElements, elements) * elementBytes);
  // What is less than eight elements at the end is neither shuffled nor compressed.
  const rest = elements % BITSHUFFLE_ELEMENTS_AT_ONCE;
  for (let start = 0; start < elements - rest; start += blockElements) {
    const count = Math.min(blockElements, elements - rest - start);
    const bits = shuffled.subarray(0, count * elementBytes);
    decompressBlock(blocks.next(), bits);
    const out = target.subarray(start * elementBytes, (start + count) * elementBytes);
    unshuffle(bits, out, elementBytes);
  }
  target.set(blocks.rest(rest * elementBytes), (elements - rest) * elementBytes);
}

/** Elements in a block of bitshuffle, when nobody says otherwise. */
export function defaultBlock(elementBytes: number): number {
  const elements = Math.floor(BITSHUFFLE_BLOCK_BYTES / elementBytes);
  return Math.max(128, elements - (elements % BITSHUFFLE_ELEMENTS_AT_ONCE));
}

/** The blocks of a stream, each after its length. */
class Blocks {
  readonly #source: Uint8Array;
  readonly #view: DataView;
  #position: number;

  constructor(source: Uint8Array, position: number) {
    this.#source = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.#position = position;
  }

  next(): Uint8Array {
    if (this.#position + 4 > this.#source.byteLength) throw new CompressionError('the blocks end early');
    const length = this.#view.getUint32(this.#position);
    this.#position += 4;
    return this.rest(length);
  }

  rest(length: number): Uint8Array {
    const end = this.#position + length;
    if (end > this.#source.byteLength) throw new CompressionError('the blocks end early');
    const bytes = this.#source.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }
}

/** Decompresses one LZ4 block that fills `target` exactly. */
function decompressBlock(source: Uint8Array, target: Uint8Array): void {
  const end = source.byteLength;
  const size = target.byteLength;
  let from = 0;
  let to = 0;
  for (;;) {
    if (from >= end) throw new CompressionError('a block ends early');
    const token = source[from++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (from >= end) throw new CompressionError('a block ends early');
        more = source[from++] as number;
        literals += more;
      } while (more === 255);
    }
    if (from + literals > end || to + literals > size) throw new CompressionError('a block is too long');
    // Short runs are the rule, and copied faster one by one.
    if (literals > 32) {
      target.set(source.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else {
      for (const last = from + literals; from < last; ) target[to++] = source[from++] as number;
    }
    if (from === end) break;
    if (from + 2 > end) throw new CompressionError('a block ends early');
    const distance = (source[from] as number) | ((source[from + 1] as number) << 8);
    from += 2;
    if (distance === 0 || distance > to) throw new CompressionError('a block refers to before its beginning');
    let length = (token & 15) + 4;
    if (length === 19) {
      let more: number;
      do {
        if (from >= end) throw new CompressionError('a block ends early');
        more = source[from++] as number;
        length += more;
      } while (more === 255);
    }
    if (to + length > size) throw new CompressionError('a block is too long');
    const last = to + length;
    if (distance === 1 && length > 16) target.fill(target[to - 1] as number, to, last);
    else if (distance >= length && length > 32) target.copyWithin(to, to - distance, last - distance);
    else for (let at = to; at < last; at += 1) target[at] = target[at - distance] as number;
    to = last;
  }
  if (to !== size) throw new CompressionError(`a block has ${to} bytes, expected ${size}`);
}

/**
 * Puts the bits back in their elements. Shuffled, bit 0 of all elements comes first, then bit 1, …: eight elements are
 * an 8x8 matrix of bits for each of their bytes, to be transposed.
 */
function unshuffle(bits: Uint8Array, target: Uint8Array, elementBytes: number): void {
  const elements = bits.byteLength / elementBytes;
  const plane = elements / 8;
  for (let byte = 0; byte < elementBytes; byte += 1) {
    const base = byte * 8 * plane;
    for (let group = 0; group < plane; group += 1) {
      const at = base + group;
      let low =
        (bits[at] as number) |
        ((bits[at + plane] as number) << 8) |
        ((bits[at + 2 * plane] as number) << 16) |
        ((bits[at + 3 * plane] as number) << 24);
      let high =
        (bits[at + 4 * plane] as number) |
        ((bits[at + 5 * plane] as number) << 8) |
        ((bits[at + 6 * plane] as number) << 16) |
        ((bits[at + 7 * plane] as number) << 24);
      if ((low | high) !== 0) {
        // Transposes 8x8 bits in three steps: Warren, Hacker's Delight, 7-3, with the least significant bit first.
        let swap = (low ^ (low >>> 7)) & 0x00aa00aa;
        low ^= swap ^ (swap << 7);
        swap = (high ^ (high >>> 7)) & 0x00aa00aa;
        high ^= swap ^ (swap << 7);
        swap = (low ^ (low >>> 14)) & 0x0000cccc;
        low ^= swap ^ (swap << 14);
        swap = (high ^ (high >>> 14)) & 0x0000cccc;
        high ^= swap ^ (swap << 14);
        swap = ((low >>> 4) ^ high) & 0x0f0f0f0f;
        high ^= swap;
        low ^= swap << 4;
      }
      const out = group * 8 * elementBytes + byte;
      target[out] = low;
      target[out + elementBytes] = low >>> 8;
      target[out + 2 * elementBytes] = low >>> 16;
      target[out + 3 * elementBytes] = low >>> 24;
      target[out + 4 * elementBytes] = high;
      target[out + 5 * elementBytes] = high >>> 8;
      target[out + 6 * elementBytes] = high >>> 16;
      target[out + 7 * elementBytes] = high >>> 24;
    }
  }
}
