import { BYTES_PER_VALUE, type PixelType } from '../pixelTypes.js';
import type { ValueType } from './newObjects.js';

const CLASS = { integer: 0x10, float: 0x11, text: 0x13, variableLength: 0x19 } as const;
const SIGNED = 0x08;
/** Padded by blanks, UTF-8: as the library's bindings for JavaScript make texts. */
const FIXED_TEXT = 0x12;
const VARIABLE_TEXT = 0x21;
const NORMALIZED = 0x20;

/** How the parts of a floating-point number lie in it, in bits. */
const FLOATS = {
  float32: { sign: 31, exponentAt: 23, exponentBits: 8, bias: 127 },
  float64: { sign: 63, exponentAt: 52, exponentBits: 11, bias: 1023 },
} as const;

/** What refers to a text of any length: how long it is, where its heap is, which one of it. */
const TEXT_REFERENCE_BYTES = 4 + 8 + 4;

/** Bytes of a value of this type, as it lies in a dataset. */
export function valueBytes(type: ValueType): number {
  if (type === 'text') return TEXT_REFERENCE_BYTES;
  return typeof type === 'string' ? BYTES_PER_VALUE[type] : type.textBytes;
}

/**
 * A type as files describe it.
 *
 * Source: HDF5 file format specification 3.0, IV.A.2.d "The Datatype Message".
 */
export function typeMessage(type: ValueType): Uint8Array {
  if (type === 'text') {
    return Uint8Array.from([
      ...[CLASS.variableLength, VARIABLE_TEXT, 1, 0, ...four(TEXT_REFERENCE_BYTES)],
      ...typeMessage('uint8'),
    ]);
  }
  if (typeof type !== 'string') {
    return Uint8Array.from([CLASS.text, FIXED_TEXT, 0, 0, ...four(type.textBytes)]);
  }
  const bytes = BYTES_PER_VALUE[type];
  const bits = [0, 0, bytes * 8, 0];
  if (type === 'float32' || type === 'float64') {
    const { sign, exponentAt, exponentBits, bias } = FLOATS[type];
    return Uint8Array.from([
      ...[CLASS.float, NORMALIZED, sign, 0, ...four(bytes), ...bits],
      ...[exponentAt, exponentBits, 0, exponentAt, ...four(bias)],
    ]);
  }
  return Uint8Array.from([CLASS.integer, isSigned(type) ? SIGNED : 0, 0, 0, ...four(bytes), ...bits]);
}

const isSigned = (type: PixelType) => type.startsWith('int');

const four = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
