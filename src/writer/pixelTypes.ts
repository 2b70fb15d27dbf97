/** What the pixels of a frame are, by the names of `array-1.0`. */
export const PIXEL_TYPES = [
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'int8',
  'int16',
  'int32',
  'int64',
  'float32',
  'float64',
] as const;

export type PixelType = (typeof PIXEL_TYPES)[number];

/** Size of one value in bytes. */
export const BYTES_PER_VALUE: Readonly<Record<PixelType, 1 | 2 | 4 | 8>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** The same type in the words of h5wasm: byte order, then a letter (as in Python's struct). */
export const HDF5_TYPES: Readonly<Record<PixelType, string>> = {
  uint8: '<B',
  int8: '<b',
  uint16: '<H',
  int16: '<h',
  uint32: '<I',
  int32: '<i',
  float32: '<f',
  uint64: '<Q',
  int64: '<q',
  float64: '<d',
};

/** An array of `length` zeros of that type. */
export function zeros(type: PixelType, length: number) {
  switch (type) {
    case 'uint8':
      return new Uint8Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'uint16':
      return new Uint16Array(length);
    case 'int16':
      return new Int16Array(length);
    case 'uint32':
      return new Uint32Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'float32':
      return new Float32Array(length);
    case 'uint64':
      return new BigUint64Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'float64':
      return new Float64Array(length);
  }
}
