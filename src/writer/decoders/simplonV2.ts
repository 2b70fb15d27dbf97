import { decode as decodeCbor, Tag } from 'cbor2';
import type { JsonObject, JsonValue } from '../../contracts/json.js';
import type { PixelType } from '../pixelTypes.js';
import type { Compression } from './compression.js';
import type { Decoder, Frame, Notice } from './decoder.js';
import { bad, type EncodedPixels, isCount, isImageShape, PixelReader, SeriesGate } from './simplonSeries.js';

const TAG = { selfDescribed: 55_799, multiDimensional: 40, compressed: 56_500 } as const;
const KINDS = 'a CBOR map of type start, image or end';
/** Typed arrays of RFC 8746: their tags, and what they hold. There are no 16-bit floats in the file. */
const TYPED_ARRAYS: Readonly<Record<number, { readonly type: PixelType; readonly isBigEndian: boolean }>> = {
  64: { type: 'uint8', isBigEndian: false },
  65: { type: 'uint16', isBigEndian: true },
  66: { type: 'uint32', isBigEndian: true },
  67: { type: 'uint64', isBigEndian: true },
  68: { type: 'uint8', isBigEndian: false },
  69: { type: 'uint16', isBigEndian: false },
  70: { type: 'uint32', isBigEndian: false },
  71: { type: 'uint64', isBigEndian: false },
  72: { type: 'int8', isBigEndian: false },
  73: { type: 'int16', isBigEndian: true },
  74: { type: 'int32', isBigEndian: true },
  75: { type: 'int64', isBigEndian: true },
  77: { type: 'int16', isBigEndian: false },
  78: { type: 'int32', isBigEndian: false },
  79: { type: 'int64', isBigEndian: false },
  81: { type: 'float32', isBigEndian: true },
  82: { type: 'float64', isBigEndian: true },
  85: { type: 'float32', isBigEndian: false },
  86: { type: 'float64', isBigEndian: false },
};
/** What an image says of its time: ticks and ticks per second. */
const TIMES = ['start_time', 'stop_time', 'real_time'];

/**
 * Reads version 2 of the DECTRIS stream (`format: cbor`): messages of one part, CBOR maps of the types `start`, `image`
 * and `end`. An image has `data: {channel: [rows, columns] of pixels}`, one entry for each threshold; the first is
 * read. Times become seconds.
 *
 * Sources: DECTRIS Stream V2 (github.com/dectris/documentation, stream_v2); RFC 8746 for arrays; tag 56500 is
 * [algorithm, element size, bytes].
 */
export class SimplonV2Decoder implements Decoder {
  readonly #series = new SeriesGate();
  readonly #pixels: PixelReader;

  /** Unless told otherwise, compressed pixels are unpacked. */
  constructor(options: { readonly keepsCompressed: boolean } = { keepsCompressed: false }) {
    this.#pixels = new PixelReader(options);
  }

  decode(parts: readonly Buffer[]): Frame | Notice {
    const [part] = parts;
    if (part === undefined || parts.length > 1) {
      throw bad('The message has the wrong number of parts.', 'one part', parts.length);
    }
    const message = readMap(part);
    const series = message.series_id;
    if (!isCount(series)) throw bad('The message has no usable series_id.', '0 or more', textOf(series));
    switch (message.type) {
      case 'start':
        return this.#series.begins(series);
      case 'image':
        return this.#series.admits(series) ? this.#image(message, series) : 'foreign';
      case 'end':
        return this.#series.ends(series);
      default:
        throw bad('The message is of another kind.', KINDS, textOf(message.type));
    }
  }

  #image(message: CborMap, series: number): Frame {
    const number = message.image_id;
    if (!isCount(number)) throw bad('The image has no usable image_id.', '0 or more', textOf(number));
    const encoded = readArray(isMap(message.data) ? Object.values(message.data)[0] : undefined);
    const { type, rows, columns } = encoded;
    const metadata: JsonObject = { series_id: series };
    for (const name of TIMES) {
      const time = message[name];
      if (!Array.isArray(time)) continue;
      const seconds = Number(time[0]) / Number(time[1]);
      if (Number.isFinite(seconds)) metadata[name] = seconds;
    }
    return { number, type, rows, columns, ...this.#pixels.read(encoded), metadata };
  }
}

type CborMap = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is CborMap {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Tag);
}

function readMap(part: Buffer): CborMap {
  let value: unknown;
  try {
    value = decodeCbor(part, { ignoreGlobalTags: true });
  } catch (error) {
    throw bad('The message is no CBOR.', KINDS, error instanceof Error ? error.message : String(error));
  }
  if (value instanceof Tag && Number(value.tag) === TAG.selfDescribed) value = value.contents;
  if (isMap(value)) return value;
  throw bad('The message is no map.', KINDS, textOf(value));
}

/** The contents of a tag; the tag may be any of those that `accepts` takes. */
function untag(value: unknown, accepts: (tag: number) => boolean): { tag: number; contents: unknown } | null {
  if (!(value instanceof Tag)) return null;
  const tag = Number(value.tag);
  return accepts(tag) ? { tag, contents: value.contents } : null;
}

function readArray(data: unknown): EncodedPixels {
  const array = untag(data, (tag) => tag === TAG.multiDimensional);
  const [shape, values] = Array.isArray(array?.contents) ? array.contents : [];
  if (!isImageShape(shape))
    throw bad('The image is no array of rows.', 'tag 40 [[rows, columns], …]', textOf(data));
  const typed = untag(values, (tag) => Object.hasOwn(TYPED_ARRAYS, tag));
  const element = typed === null ? undefined : TYPED_ARRAYS[typed.tag];
  if (typed === null || element === undefined) {
    throw bad('The pixels have an unknown type.', 'a typed array of RFC 8746', textOf(values));
  }
  const [rows, columns] = shape;
  const compressed = untag(typed.contents, (tag) => tag === TAG.compressed);
  const [algorithm, elementBytes, packed] = Array.isArray(compressed?.contents) ? compressed.contents : [];
  const bytes = bytesOf(compressed === null ? typed.contents : packed);
  const compression = compressed === null ? null : compressionOf(algorithm, elementBytes);
  return { ...element, rows, columns, compression, bytes };
}

function compressionOf(algorithm: unknown, elementBytes: unknown): Compression {
  if (algorithm === 'lz4') return { algorithm };
  if (algorithm === 'bslz4' && [1, 2, 4, 8].includes(Number(elementBytes))) {
    return { algorithm, elementBytes: Number(elementBytes) };
  }
  throw bad(
    'The compression is unknown.',
    'lz4, or bslz4 with 1, 2, 4 or 8 bytes',
    `${textOf(algorithm)}, ${textOf(elementBytes)}`,
  );
}

function bytesOf(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw bad('The pixels are no bytes.', 'a byte string', textOf(value));
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** What a value is, in a few words: it may be of any kind and size. */
function textOf(value: unknown): JsonValue {
  if (value instanceof Tag) return `tag ${String(value.tag)}`;
  if (typeof value === 'string') return value.slice(0, 80);
  return value === null || typeof value === 'number' ? value : typeof value;
}
