import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonValue } from '../../contracts/json.js';
import { BYTES_PER_VALUE, type PixelType } from '../pixelTypes.js';
import { asChunk } from './compressedChunk.js';
import { type Compression, CompressionError, decompress } from './compression.js';
import type { Frame, Notice } from './decoder.js';

/**
 * Keeps the series of a DECTRIS stream apart: a detector that was stopped leaves images of its last series in the
 * stream, for whoever comes next. A series counts from its start message on, and until that of the next one.
 */
export class SeriesGate {
  #present: number | null = null;

  begins(series: number): Notice {
    if (series === this.#present) return 'nothing';
    this.#present = series;
    return 'begin';
  }

  /** Whether a message is of the present series. */
  admits(series: number): boolean {
    return series === this.#present;
  }

  ends(series: number): Notice {
    return this.admits(series) ? 'end' : 'foreign';
  }
}

/** The pixels of an image as they came. */
export interface EncodedPixels {
  readonly type: PixelType;
  readonly rows: number;
  readonly columns: number;
  readonly isBigEndian: boolean;
  /** Null: not compressed. */
  readonly compression: Compression | null;
  readonly bytes: Buffer;
}

/**
 * Makes plain pixels of what came, in memory that is used again for the next image; or what HDF5 stores, of pixels that
 * are compressed already.
 */
export class PixelReader {
  readonly #keepsCompressed: boolean;
  #memory = Buffer.alloc(0);

  constructor({ keepsCompressed }: { readonly keepsCompressed: boolean }) {
    this.#keepsCompressed = keepsCompressed;
  }

  /** @throws ComponentFailedError `bad_answer` when they do not come out at the size of the image. */
  read(encoded: EncodedPixels): Pick<Frame, 'pixels' | 'filter' | 'isBorrowed'> {
    const { type, rows, columns, isBigEndian, compression, bytes } = encoded;
    const sizeBytes = rows * columns * BYTES_PER_VALUE[type];
    // The file's pixels are little-endian; what has to be swapped has to be unpacked.
    if (this.#keepsCompressed && compression !== null && !isBigEndian) {
      const chunk = asChunk(compression, bytes, sizeBytes);
      if (chunk !== null) return chunk;
    }
    return { pixels: this.#plain(encoded, sizeBytes), isBorrowed: compression !== null };
  }

  #plain({ type, rows, columns, isBigEndian, compression, bytes }: EncodedPixels, sizeBytes: number): Buffer {
    let pixels = bytes;
    if (compression !== null) {
      // A broken message must not make us reserve more than it could possibly hold: LZ4 makes at most 255 of 1.
      if (sizeBytes > bytes.byteLength * 255 + 64) {
        throw bad(
          'The compressed pixels are too few.',
          `enough for ${rows}x${columns} ${type}`,
          bytes.byteLength,
        );
      }
      if (this.#memory.byteLength !== sizeBytes) this.#memory = Buffer.alloc(sizeBytes);
      pixels = this.#memory;
      try {
        decompress(compression, bytes, pixels);
      } catch (error) {
        if (!(error instanceof CompressionError)) throw error;
        throw bad('The pixels cannot be decompressed.', `${compression.algorithm}`, error.message);
      }
    }
    if (pixels.byteLength !== sizeBytes) {
      throw bad(
        'The pixels do not fit the image.',
        `${sizeBytes} bytes for ${rows}x${columns} ${type}`,
        pixels.byteLength,
      );
    }
    if (isBigEndian) swap(pixels, BYTES_PER_VALUE[type]);
    return pixels;
  }
}

function swap(pixels: Buffer, valueBytes: number): void {
  if (valueBytes === 2) pixels.swap16();
  else if (valueBytes === 4) pixels.swap32();
  else if (valueBytes === 8) pixels.swap64();
}

const MOST_PIXELS = 2 ** 31;

/** Whether these are the lengths of an image. */
export function isImageShape(shape: unknown): shape is [number, number] {
  return (
    Array.isArray(shape) &&
    shape.length === 2 &&
    shape.every((length) => Number.isSafeInteger(length) && length > 0) &&
    shape[0] * shape[1] <= MOST_PIXELS
  );
}

/** Whether this is the number of a series or an image. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The error for a message that is not what it should be. */
export function bad(message: string, expected: string, actual: JsonValue): ComponentFailedError {
  return new ComponentFailedError('bad_answer', `Bad frame message: ${message}`, {
    component: 'writer',
    operation: 'decode a frame',
    expected,
    actual,
    hint: "Check that the stream address is that of a DECTRIS detector, and that its stream format is the writer's dialect.",
  });
}
