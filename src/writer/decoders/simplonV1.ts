import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { PIXEL_TYPES, type PixelType } from '../pixelTypes.js';
import type { Compression } from './compression.js';
import type { Decoder, Frame, Notice } from './decoder.js';
import { bad, isCount, isImageShape, PixelReader, SeriesGate } from './simplonSeries.js';

const KINDS = 'dheader-1.0, dimage-1.0 or dseries_end-1.0';
const ENCODINGS = '<, >, lz4< or bs16-lz4<';
const KNOWN_TYPES: ReadonlySet<string> = new Set(PIXEL_TYPES);
/** What an image says of its time, in nanoseconds. */
const TIMES = ['start_time', 'stop_time', 'real_time'];

/**
 * Reads version 1 of the DECTRIS stream (`format: legacy`): messages of several parts, the first of them JSON that says
 * what it is (`htype`). An image is `dimage-1.0`, `dimage_d-1.0` (shape [columns, rows], type, encoding), the pixels,
 * `dconfig-1.0` (times), and perhaps an appendix. Encodings: `<` or `>` for the byte order, before it `lz4` (bare LZ4),
 * `bs8-lz4`, `bs16-lz4` or `bs32-lz4` (bitshuffle).
 *
 * Source: DECTRIS SIMPLON API reference 1.8, chapter "Stream module", version 1.
 */
export class SimplonV1Decoder implements Decoder {
  readonly #series = new SeriesGate();
  readonly #pixels: PixelReader;

  /** Unless told otherwise, compressed pixels are unpacked. */
  constructor(options: { readonly keepsCompressed: boolean } = { keepsCompressed: false }) {
    this.#pixels = new PixelReader(options);
  }

  decode(parts: readonly Buffer[]): Frame | Notice {
    const header = readHeader(parts[0]);
    const { htype, series } = header;
    switch (htype) {
      case 'dheader-1.0':
        return this.#series.begins(series);
      case 'dimage-1.0':
        return this.#series.admits(series) ? this.#image(header, series, parts) : 'foreign';
      case 'dseries_end-1.0':
        return this.#series.ends(series);
      default:
        throw bad('The message is of another kind.', KINDS, htype ?? null);
    }
  }

  #image(header: JsonObject, series: number, parts: readonly Buffer[]): Frame {
    const number = header.frame;
    if (!isCount(number)) throw bad('The image has no usable number.', 'frame: 0 or more', number ?? null);
    const data = parseJson(parts[1], 'dimage_d-1.0');
    const bytes = parts[2];
    if (bytes === undefined) throw bad('The image has no pixels.', 'at least three parts', parts.length);
    const { shape, type } = data;
    if (!isImageShape(shape)) throw bad('The image has no usable shape.', '[columns, rows]', shape ?? null);
    if (!isPixelType(type)) {
      throw bad('The pixels have an unknown type.', PIXEL_TYPES.join(', '), type ?? null);
    }
    const [columns, rows] = shape;
    const encoded = { type, rows, columns, bytes, ...readEncoding(data.encoding) };
    return {
      number,
      type,
      rows,
      columns,
      ...this.#pixels.read(encoded),
      metadata: { series_id: series, ...timesOf(parts[3]) },
    };
  }
}

function readHeader(part: Buffer | undefined): JsonObject & { series: number } {
  const header = parseJson(part, KINDS);
  const { series } = header;
  if (isCount(series)) return { ...header, series };
  throw bad('The message has no usable series.', 'series: 0 or more', series ?? null);
}

function parseJson(part: Buffer | undefined, expected: string): JsonObject {
  if (part === undefined) throw bad('A part of the message is missing.', expected, null);
  let value: JsonValue;
  try {
    value = JSON.parse(part.toString('utf8')) as JsonValue;
  } catch {
    throw bad('A part of the message is no JSON.', expected, part.toString('latin1', 0, 80));
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
  throw bad('A part of the message is no JSON object.', expected, part.toString('utf8', 0, 80));
}

function isPixelType(type: JsonValue | undefined): type is PixelType {
  return typeof type === 'string' && KNOWN_TYPES.has(type);
}

function readEncoding(encoding: JsonValue | undefined): {
  isBigEndian: boolean;
  compression: Compression | null;
} {
  const match = /^(lz4|bs(8|16|32|64)-lz4)?([<>])$/.exec(typeof encoding === 'string' ? encoding : '');
  if (match === null) throw bad('The encoding is unknown.', ENCODINGS, encoding ?? null);
  const [, algorithm, bits, order] = match;
  const compression: Compression | null =
    algorithm === undefined
      ? null
      : bits === undefined
        ? { algorithm: 'lz4' }
        : { algorithm: 'bslz4', elementBytes: Number(bits) / 8 };
  return { isBigEndian: order === '>', compression };
}

/** The times of an image; an image without them is an image all the same. */
function timesOf(part: Buffer | undefined): JsonObject {
  if (part === undefined) return {};
  let config: JsonObject;
  try {
    config = parseJson(part, 'dconfig-1.0');
  } catch {
    return {};
  }
  const times: JsonObject = {};
  for (const name of TIMES) {
    const value = config[name];
    if (typeof value === 'number') times[name] = value;
  }
  return times;
}
