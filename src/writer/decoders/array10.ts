import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { BYTES_PER_VALUE, PIXEL_TYPES, type PixelType } from '../pixelTypes.js';
import type { Decoder, Frame } from './decoder.js';

const HTYPE = 'array-1.0';
const STRUCTURAL_FIELDS = new Set(['htype', 'type', 'shape', 'frame', 'endianness']);
const KNOWN_TYPES: ReadonlySet<string> = new Set(PIXEL_TYPES);

/**
 * Reads `array-1.0`: part 1 is JSON (`htype`, `type`, `shape: [rows, columns]`, `frame`, optional `endianness`,
 * anything else), part 2 the pixels. Source: PSI's `array-1.0` as its backends send it.
 *
 * Big-endian pixels are swapped in place, in the message's own memory.
 */
export class Array10Decoder implements Decoder {
  decode(parts: readonly Buffer[]): Frame {
    const [head, pixels] = parts;
    if (head === undefined || pixels === undefined || parts.length !== 2) {
      throw bad('The message has the wrong number of parts.', 'two parts, header and pixels', parts.length);
    }
    const header = parseHeader(head);
    if (header.htype !== HTYPE) throw bad('The message is of another kind.', HTYPE, header.htype ?? null);
    const type = header.type;
    if (!isPixelType(type))
      throw bad('The pixels have an unknown type.', PIXEL_TYPES.join(', '), type ?? null);
    const shape = header.shape;
    if (!Array.isArray(shape) || shape.length !== 2 || !shape.every(isLength)) {
      throw bad('The frame has no usable shape.', '[rows, columns], both at least 1', shape ?? null);
    }
    const [rows, columns] = shape as [number, number];
    const expectedBytes = rows * columns * BYTES_PER_VALUE[type];
    if (pixels.byteLength !== expectedBytes) {
      throw bad(
        'The pixels do not fit the header.',
        `${expectedBytes} bytes for ${rows}x${columns} ${type}`,
        pixels.byteLength,
      );
    }
    const number = header.frame;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
      throw bad('The frame has no usable number.', 'frame: an integer from 0', number ?? null);
    }
    swapToLittleEndian(pixels, type, header.endianness);
    return { number, type, rows, columns, pixels, metadata: metadataOf(header) };
  }
}

function parseHeader(head: Buffer): JsonObject {
  let header: JsonValue;
  try {
    header = JSON.parse(head.toString('utf8')) as JsonValue;
  } catch {
    throw bad('The header is no JSON.', 'a JSON object', head.toString('latin1', 0, 80));
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw bad('The header is no JSON object.', 'a JSON object', head.toString('utf8', 0, 80));
  }
  return header;
}

function isPixelType(type: JsonValue | undefined): type is PixelType {
  return typeof type === 'string' && KNOWN_TYPES.has(type);
}

function isLength(value: JsonValue): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function swapToLittleEndian(pixels: Buffer, type: PixelType, endianness: JsonValue | undefined): void {
  if (endianness === undefined || endianness === null || endianness === 'little') return;
  if (endianness !== 'big') throw bad('The byte order is unknown.', 'little or big', endianness);
  switch (BYTES_PER_VALUE[type]) {
    case 2:
      pixels.swap16();
      break;
    case 4:
      pixels.swap32();
      break;
    case 8:
      pixels.swap64();
      break;
  }
}

function metadataOf(header: JsonObject): JsonObject {
  const metadata: JsonObject = {};
  for (const name of Object.keys(header)) {
    if (STRUCTURAL_FIELDS.has(name) || name === '__proto__') continue;
    metadata[name] = header[name] as JsonValue;
  }
  return metadata;
}

function bad(message: string, expected: string, actual: JsonValue): ComponentFailedError {
  return new ComponentFailedError('bad_answer', `Bad frame message: ${message}`, {
    component: 'writer',
    operation: 'decode a frame',
    expected,
    actual,
    hint: 'Check that the stream address is that of a backend which sends array-1.0.',
  });
}
