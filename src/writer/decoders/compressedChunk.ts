import { type Compression, defaultBlock, FRAMING_BYTES, readFraming } from './compression.js';
import { CHUNK_FILTER, type ChunkFilter, type Frame } from './decoder.js';

/** Version of bitshuffle that files name, and its number for LZ4. */
const BITSHUFFLE = { major: 0, minor: 4, lz4: 2 } as const;
const LENGTH_BYTES = 4;
/** Less is not worth a filter: bitshuffle takes eight elements at a time. */
export const SMALLEST_CHUNK_BYTES = 8;
/** Largest block of LZ4, and of its filter. */
const LARGEST_BLOCK_BYTES = 0x7e00_0000;

/**
 * The chunk that HDF5 would make of the pixels, from what a detector has compressed: mostly the very bytes; bare ones
 * get the sizes before them. Nothing is unpacked, so nothing is checked but the size that the bytes name.
 *
 * @returns Null when the filter cannot express it.
 *
 * Sources: HDF5 filters 32004 (github.com/nexusformat/HDF5-External-Filter-Plugins, LZ4) and 32008
 * (github.com/kiyo-masui/bitshuffle, bshuf_h5filter).
 */
export function asChunk(
  compression: Compression,
  bytes: Uint8Array,
  sizeBytes: number,
): Pick<Frame, 'pixels' | 'filter'> | null {
  if (sizeBytes < SMALLEST_CHUNK_BYTES) return null;
  const isFramed = readFraming(bytes, sizeBytes) !== null;
  if (compression.algorithm === 'bslz4') {
    const { elementBytes } = compression;
    const filter = bitshuffleFilter(elementBytes);
    if (isFramed) return { pixels: bytes, filter };
    const framing = framingOf(sizeBytes, defaultBlock(elementBytes) * elementBytes);
    return { pixels: Buffer.concat([framing, bytes]), filter };
  }
  const filter = { id: CHUNK_FILTER.lz4, options: [] };
  if (isFramed) return { pixels: bytes, filter };
  // The filter takes a block for stored when it has the size of its pixels.
  if (bytes.byteLength === sizeBytes || sizeBytes > LARGEST_BLOCK_BYTES) return null;
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(bytes.byteLength);
  return { pixels: Buffer.concat([framingOf(sizeBytes, sizeBytes), length, bytes]), filter };
}

/** The filter of a dataset whose chunks are bitshuffled, element by element of so many bytes, then LZ4. */
export function bitshuffleFilter(elementBytes: number): ChunkFilter {
  const options = [BITSHUFFLE.major, BITSHUFFLE.minor, elementBytes, 0, BITSHUFFLE.lz4];
  return { id: CHUNK_FILTER.bslz4, options };
}

function framingOf(sizeBytes: number, blockBytes: number): Buffer {
  const framing = Buffer.alloc(FRAMING_BYTES);
  framing.writeBigUInt64BE(BigInt(sizeBytes));
  framing.writeUInt32BE(blockBytes, 8);
  return framing;
}
