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
