/**
 * Bob Jenkins' lookup3 hash (`hashlittle` with the initial value 0): the checksum of HDF5's metadata.
 *
 * Source: burtleburtle.net/bob/c/lookup3.c; HDF5 file format specification, "Checksum".
 */
export function lookup3(bytes: Uint8Array): number {
  const start = (0xdeadbeef + bytes.byteLength) | 0;
  let [a, b, c] = [start, start, start];
  let offset = 0;
  let left = bytes.byteLength;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (; left > 12; left -= 12, offset += 12) {
    a = (a + view.getInt32(offset, true)) | 0;
    b = (b + view.getInt32(offset + 4, true)) | 0;
    c = (c + view.getInt32(offset + 8, true)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  if (left === 0) return c >>> 0;
  // Bytes beyond the end count as 0.
  const word = (at: number) => {
    let value = 0;
    for (let index = 0; index < 4; index += 1) value |= (bytes[at + index] ?? 0) << (8 * index);
    return value;
  };
  a = (a + word(offset)) | 0;
  b = (b + word(offset + 4)) | 0;
  c = (c + word(offset + 8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

const rotate = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));
