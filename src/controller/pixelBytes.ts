/**
 * Bytes that a pixel takes in a file; 0 for a depth that no file has. Files know pixels of 1, 2, 4 and 8 bytes: writers
 * unpack 4 bit into a byte and 12 bit into two.
 */
export function pixelBytes(bitDepth: number): number {
  return [1, 2, 4, 8].find((bytes) => bitDepth > 0 && bitDepth <= bytes * 8) ?? 0;
}
