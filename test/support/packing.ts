/** How a test packs pixels. */
export interface Packing {
  readonly algorithm: 'lz4' | 'bslz4';
  readonly elementBytes: number;
  /** With the sizes that HDF5's filters put before. */
  readonly isFramed: boolean;
  readonly blockBytes: number;
}

/** Packs pixels as detectors do: plain to read rather than quick. */
export function pack(pixels: Uint8Array, packing: Packing): Buffer {
  const { algorithm, elementBytes, isFramed } = packing;
  const framing = Buffer.alloc(12);
  framing.writeBigUInt64BE(BigInt(pixels.byteLength), 0);
  framing.writeUInt32BE(packing.blockBytes, 8);
  const head = isFramed ? [framing] : [];
  if (algorithm === 'bslz4') {
    const elements = pixels.byteLength / elementBytes;
    const whole = pixels.subarray(0, (elements - (elements % 8)) * elementBytes);
    const blocks = split(whole, packing.blockBytes).map((block) => lz4Block(bitshuffle(block, elementBytes)));
    return Buffer.concat([...head, ...blocks.flatMap(withLength), pixels.subarray(whole.byteLength)]);
  }
  if (!isFramed) return lz4Block(pixels);
  const blocks = split(pixels, packing.blockBytes).map((block) => {
    const packed = lz4Block(block);
    return packed.byteLength < block.byteLength ? packed : Buffer.from(block);
  });
  return Buffer.concat([...head, ...blocks.flatMap(withLength)]);
}

function withLength(block: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(block.byteLength);
  return [length, block];
}

function split(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.byteLength / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/** Bit 0 of all elements, then bit 1 of all elements, …; eight elements share a byte. */
function bitshuffle(block: Uint8Array, elementBytes: number): Buffer {
  const elements = block.byteLength / elementBytes;
  const shuffled = Buffer.alloc(block.byteLength);
  for (let element = 0; element < elements; element += 1) {
    for (let bit = 0; bit < elementBytes * 8; bit += 1) {
      const value = ((block[element * elementBytes + (bit >> 3)] ?? 0) >> (bit & 7)) & 1;
      const at = bit * (elements / 8) + (element >> 3);
      shuffled[at] = (shuffled[at] ?? 0) | (value << (element & 7));
    }
  }
  return shuffled;
}

/** An LZ4 block: at each place the longest match among the last occurrences of the next four bytes. */
export function lz4Block(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  const lastSeen = new Map<number, number>();
  const length = (value: number) => {
    let rest = value - 15;
    for (; rest >= 255; rest -= 255) out.push(255);
    out.push(rest);
  };
  const sequence = (literals: Uint8Array, match: { distance: number; length: number } | null) => {
    const matched = match === null ? 0 : match.length - 4;
    out.push((Math.min(literals.byteLength, 15) << 4) | Math.min(matched, 15));
    if (literals.byteLength >= 15) length(literals.byteLength);
    out.push(...literals);
    if (match === null) return;
    out.push(match.distance & 255, match.distance >> 8);
    if (matched >= 15) length(matched);
  };
  let from = 0;
  let at = 0;
  // The format wants the last five bytes to be literals, and no match to begin in the last twelve.
  while (at + 12 < bytes.byteLength) {
    const key = Buffer.from(bytes.subarray(at, at + 4)).readUInt32LE();
    const before = lastSeen.get(key);
    lastSeen.set(key, at);
    if (before === undefined || at - before > 65_535) {
      at += 1;
      continue;
    }
    let size = 4;
    while (at + size < bytes.byteLength - 5 && bytes[before + size] === bytes[at + size]) size += 1;
    sequence(bytes.subarray(from, at), { distance: at - before, length: size });
    at += size;
    from = at;
  }
  sequence(bytes.subarray(from), null);
  return Buffer.from(out);
}
