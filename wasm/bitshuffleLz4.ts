/**
 * Compresses pixels as HDF5's filter 32008 stores them: bitshuffle, then LZ4, block by block. AssemblyScript, which the build
 * makes WebAssembly of; it works on memory that it is given, and keeps nothing between calls.
 *
 * Sources: github.com/kiyo-masui/bitshuffle (format of the filter); github.com/lz4/lz4, doc/lz4_Block_format.md.
 */

/** Bytes of the table of `compressBlock`: where each hash was seen last, as u16. */
const TABLE_BYTES: usize = 8192;
const HASH_SHIFT: u32 = 20;

const SMALLEST_MATCH: usize = 4;
/** The last match begins at least so far before the end, and the last bytes are always literals. */
const MATCH_LIMIT: usize = 12;
const LAST_LITERALS: usize = 5;
/** The search takes longer and longer steps through what has no matches: one byte more after each 64. */
const SKIP_SHIFT: u32 = 6;

/**
 * @param source - Elements, little-endian.
 * @param elementBytes - 1, 2, 4 or 8.
 * @param blockElements - A multiple of 8, at most 65,528 bytes of them.
 * @param target - 12 bytes for sizes and, for each block, its size, 4 and a 255th of it, and 16 more.
 * @param scratch - `TABLE_BYTES`, and a block with 64 bytes more.
 * @returns The number of bytes in `target`.
 */
export function compress(
  source: usize,
  sizeBytes: usize,
  elementBytes: usize,
  blockElements: usize,
  target: usize,
  scratch: usize,
): usize {
  const blockBytes = blockElements * elementBytes;
  const shuffled = scratch + TABLE_BYTES;
  store<u64>(target, bswap<u64>(sizeBytes as u64));
  store<u32>(target + 8, bswap<u32>(blockBytes as u32));
  let to = target + 12;
  const rest = sizeBytes % (8 * elementBytes);
  const end = source + sizeBytes - rest;
  let from = source;
  while (from < end) {
    const bytes = min(blockBytes, end - from);
    shuffle(from, bytes / elementBytes, elementBytes, shuffled);
    const size = compressBlock(shuffled, bytes, to + 4, scratch);
    store<u32>(to, bswap<u32>(size as u32));
    to += 4 + size;
    from += bytes;
  }
  memory.copy(to, from, rest);
  return to + rest - target;
}

/**
 * Bit 0 of all elements comes first, then bit 1, …
 *
 * Sixteen elements at a time: their first bytes are gathered in a vector, their second ones, …; the highest bits of a vector are
 * one instruction.
 */
function shuffle(source: usize, elements: usize, elementBytes: usize, target: usize): void {
  const planeBytes = elements / 8;
  // What counts has many bytes that are zero: they are passed over below.
  memory.fill(target, 0, elements * elementBytes);
  const pairs = elements / 16;
  if (elementBytes === 1) {
    for (let pair: usize = 0; pair < pairs; pair++) {
      put(v128.load(source + pair * 16), target + pair * 2, planeBytes);
    }
  } else if (elementBytes === 2) {
    for (let pair: usize = 0; pair < pairs; pair++) {
      const at = source + pair * 32;
      const a = v128.load(at);
      const b = v128.load(at, 16);
      put(even(a, b), target + pair * 2, planeBytes);
      put(odd(a, b), target + pair * 2 + 8 * planeBytes, planeBytes);
    }
  } else if (elementBytes === 4) {
    for (let pair: usize = 0; pair < pairs; pair++) {
      const at = source + pair * 64;
      putFour(
        v128.load(at),
        v128.load(at, 16),
        v128.load(at, 32),
        v128.load(at, 48),
        target + pair * 2,
        planeBytes,
        1,
      );
    }
  } else {
    for (let pair: usize = 0; pair < pairs; pair++) {
      const at = source + pair * 128;
      const a = v128.load(at);
      const b = v128.load(at, 16);
      const c = v128.load(at, 32);
      const d = v128.load(at, 48);
      const e = v128.load(at, 64);
      const f = v128.load(at, 80);
      const g = v128.load(at, 96);
      const h = v128.load(at, 112);
      const to = target + pair * 2;
      // Bytes 0, 2, 4, 6 of the elements, then 1, 3, 5, 7.
      putFour(even(a, b), even(c, d), even(e, f), even(g, h), to, planeBytes, 2);
      putFour(odd(a, b), odd(c, d), odd(e, f), odd(g, h), to + 8 * planeBytes, planeBytes, 2);
    }
  }
  if (elements % 16 !== 0) {
    // The last eight, one bit after the other: rare, and never many.
    const first = elements - 8;
    for (let byte: usize = 0; byte < elementBytes; byte++) {
      for (let bit: u32 = 0; bit < 8; bit++) {
        let bits: u32 = 0;
        for (let element: usize = 0; element < 8; element++) {
          const value = load<u8>(source + (first + element) * elementBytes + byte) as u32;
          bits |= ((value >> bit) & 1) << (element as u32);
        }
        store<u8>(target + (byte * 8 + bit) * planeBytes + planeBytes - 1, bits as u8);
      }
    }
  }
}

/** Sixteen elements of four bytes: the planes of byte 0 go to `target`, those of the next one `step` bytes further, … */
function putFour(a: v128, b: v128, c: v128, d: v128, target: usize, planeBytes: usize, step: usize): void {
  const evens = even(a, b);
  const evenRest = even(c, d);
  const odds = odd(a, b);
  const oddRest = odd(c, d);
  const stride = planeBytes * 8 * step;
  put(even(evens, evenRest), target, planeBytes);
  put(even(odds, oddRest), target + stride, planeBytes);
  put(odd(evens, evenRest), target + 2 * stride, planeBytes);
  put(odd(odds, oddRest), target + 3 * stride, planeBytes);
}

/** The bytes at even places of both. */
function even(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

/** The bytes at odd places of both. */
function odd(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/** One byte of sixteen elements: their bits go to eight planes, two bytes of each. */
function put(bytes: v128, target: usize, planeBytes: usize): void {
  if (!v128.any_true(bytes)) return;
  let rest = bytes;
  let to = target + 7 * planeBytes;
  for (let bit = 7; bit >= 0; bit--) {
    store<u16>(to, v128.bitmask<u8>(rest) as u16);
    rest = v128.add<u8>(rest, rest);
    to -= planeBytes;
  }
}

/** Makes an LZ4 block of at most 65,535 bytes. */
function compressBlock(source: usize, bytes: usize, target: usize, table: usize): usize {
  let to = target;
  let literals = source;
  const end = source + bytes;
  if (bytes > MATCH_LIMIT) {
    memory.fill(table, 0, TABLE_BYTES);
    const searchEnd = end - MATCH_LIMIT;
    const matchEnd = end - LAST_LITERALS;
    // The table says 0 for what was never seen, so the first byte cannot be referred to by its hash alone.
    let at = source + 1;
    let tries: usize = 1 << SKIP_SHIFT;
    while (at < searchEnd) {
      const value = load<u32>(at);
      const entry = table + (((value * 2654435761) >> HASH_SHIFT) as usize) * 2;
      let match = source + (load<u16>(entry) as usize);
      store<u16>(entry, (at - source) as u16);
      if (load<u32>(match) !== value) {
        at += tries >> SKIP_SHIFT;
        tries++;
        continue;
      }
      while (at > literals && match > source && load<u8>(at - 1) === load<u8>(match - 1)) {
        at--;
        match--;
      }
      const matched = commonBytes(at + SMALLEST_MATCH, match + SMALLEST_MATCH, matchEnd);
      to = putSequence(to, literals, at - literals, at - match, matched);
      at += SMALLEST_MATCH + matched;
      literals = at;
      tries = 1 << SKIP_SHIFT;
    }
  }
  const count = end - literals;
  to = putLiterals(to, literals, count, 0);
  return to - target;
}

/** How many bytes are the same from both places on. */
function commonBytes(at: usize, match: usize, end: usize): usize {
  const start = at;
  while (at + 8 <= end) {
    const difference = load<u64>(at) ^ load<u64>(match);
    if (difference !== 0) return at - start + ((ctz<u64>(difference) >> 3) as usize);
    at += 8;
    match += 8;
  }
  while (at < end && load<u8>(at) === load<u8>(match)) {
    at++;
    match++;
  }
  return at - start;
}

/** @param matched - Length of the match beyond the four bytes that each has. */
function putSequence(target: usize, literals: usize, count: usize, distance: usize, matched: usize): usize {
  let to = putLiterals(target, literals, count, min<usize>(matched, 15));
  store<u16>(to, distance as u16);
  to += 2;
  return matched < 15 ? to : putLength(to, matched - 15);
}

function putLiterals(target: usize, literals: usize, count: usize, matchNibble: usize): usize {
  store<u8>(target, ((min<usize>(count, 15) << 4) | matchNibble) as u8);
  let to = target + 1;
  if (count >= 15) to = putLength(to, count - 15);
  memory.copy(to, literals, count);
  return to + count;
}

function putLength(target: usize, length: usize): usize {
  let to = target;
  while (length >= 255) {
    store<u8>(to++, 255);
    length -= 255;
  }
  store<u8>(to++, length as u8);
  return to;
}
