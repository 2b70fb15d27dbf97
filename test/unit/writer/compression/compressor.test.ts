import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Compressing, Compressor } from '../../../../src/writer/compression/compressor.js';
import { CompressorError } from '../../../../src/writer/compression/compressorError.js';
import { CompressorLayout } from '../../../../src/writer/compression/compressorLayout.js';
import { decompress } from '../../../../src/writer/decoders/compression.js';
import { thrownBy } from '../../../support/calls.js';

const BROKEN_THREAD = fileURLToPath(new URL('../../../support/brokenThread.js', import.meta.url));

const elementBytes = fc.constantFrom(1, 2, 4, 8);

/** Bytes of all sorts: runs, repetitions, noise, counts. */
const bytes = fc
  .array(
    fc.oneof(
      fc
        .tuple(fc.nat(255), fc.integer({ min: 1, max: 12_000 }))
        .map(([value, count]) => Buffer.alloc(count, value)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 400 }))
        .map(([part, count]) => Buffer.concat(Array.from({ length: count }, () => part))),
      fc.uint8Array({ maxLength: 3000, size: 'max' }).map((part) => Buffer.from(part)),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 20_000 }), fc.constantFrom(2, 20, 256)).map(noise),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => Buffer.concat(parts));

function noise([seed, length, values]: [number, number, number]): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 16) % values;
    }),
  );
}

function plainOf(chunk: Uint8Array, size: number, element: number): Uint8Array {
  const target = new Uint8Array(size).fill(0xa5);
  decompress({ algorithm: 'bslz4', elementBytes: element }, chunk, target);
  return target;
}

describe('Compressor', () => {
  const compressor = new Compressor({ threads: 2 });

  function compress(pixels: Uint8Array, isBorrowed = false): Compressing {
    return compressor.compress({ pixels, isBorrowed, copied: () => undefined });
  }

  it('makes chunks that give back the pixels, for every size of elements and any length', async () => {
    await fc.assert(
      fc.asyncProperty(elementBytes, bytes, async (element, all) => {
        const pixels = all.subarray(0, all.byteLength - (all.byteLength % element));
        fc.pre(pixels.byteLength > 0);
        compressor.prepare({ bytes: pixels.byteLength, elementBytes: element });
        const { chunk, done } = compress(pixels);
        const packed = await chunk;
        done();
        expect(Buffer.compare(plainOf(packed, pixels.byteLength, element), pixels)).to.equal(0);
      }),
      { numRuns: 500 },
    );
  });

  it('makes them of every length around blocks and groups of elements', async () => {
    for (const element of [1, 2, 4, 8]) {
      const block = 8192 / element;
      const counts = [
        1,
        7,
        8,
        9,
        15,
        16,
        17,
        24,
        31,
        block - 8,
        block - 1,
        block,
        block + 1,
        block + 8,
        3 * block + 13,
      ];
      for (const count of counts) {
        const pixels = noise([count, count * element, 256]);
        compressor.prepare({ bytes: pixels.byteLength, elementBytes: element });
        const { chunk, done } = compress(pixels);
        const plain = plainOf(await chunk, pixels.byteLength, element);
        done();
        expect(Buffer.compare(plain, pixels), `${count} of ${element} bytes`).to.equal(0);
      }
    }
  });

  it('makes counts small: five bits of sixteen, and little more', async () => {
    const pixels = Buffer.alloc(65_536);
    for (let at = 0; at < pixels.length; at += 2) pixels[at] = noise([at, 1, 32])[0] ?? 0;
    compressor.prepare({ bytes: pixels.byteLength, elementBytes: 2 });
    const { chunk, done } = compress(pixels);
    expect((await chunk).byteLength).to.be.below((65_536 * 5) / 16 + 1500);
    done();
  });

  it('takes more frames than it has places, each as it was when it came', async () => {
    const size = { bytes: 1024 * 1024, elementBytes: 4 };
    compressor.prepare(size);
    const { places } = new CompressorLayout(2, size);
    const borrowed = Buffer.alloc(size.bytes);
    const all: Compressing[] = [];
    for (let number = 0; number < places + 5; number += 1) {
      borrowed.fill(number + 1);
      all.push(compress(borrowed, true));
      expect(compressor.room() === undefined, `after ${number + 1}`).to.equal(number + 1 < places);
    }
    for (const [number, { chunk, done }] of all.entries()) {
      const plain = plainOf(await chunk, size.bytes, 4);
      done();
      expect(plain.every((byte) => byte === number + 1)).to.equal(true);
    }
    expect(compressor.room()).to.equal(undefined);
  });

  it('says when there is room again, and not before all that wait have found a place', async () => {
    const size = { bytes: 16 * 1024 * 1024, elementBytes: 2 };
    compressor.prepare(size);
    const { places } = new CompressorLayout(2, size);
    const all = Array.from({ length: places + 1 }, () => compress(Buffer.alloc(size.bytes)));
    let isRoom = false;
    const room = compressor.room()?.then(() => {
      isRoom = true;
    });
    await all[0]?.chunk;
    all[0]?.done();
    await Promise.resolve();
    expect(isRoom, 'the one that waits comes first').to.equal(false);
    await all[1]?.chunk;
    all[1]?.done();
    await room;
    for (const { chunk, done } of all.slice(2)) {
      await chunk;
      done();
    }
  });

  it('refuses frames for which there cannot be memory, and says so', () => {
    expect(() => compressor.prepare({ bytes: 2 ** 31, elementBytes: 2 })).to.throw(
      CompressorError,
      'no memory to compress frames of 2147483648 bytes',
    );
  });

  it('fails with all that is under way, and with everything later, when a thread ends', async () => {
    const broken = new Compressor({ threads: 2, program: BROKEN_THREAD });
    broken.prepare({ bytes: 8 * 1024 * 1024, elementBytes: 2 });
    let copies = 0;
    const pixels = Buffer.alloc(8 * 1024 * 1024);
    const copied = () => {
      copies += 1;
    };
    const all = Array.from({ length: 4 }, () => broken.compress({ pixels, isBorrowed: false, copied }));
    const room = broken.room();
    const errors = await Promise.all([
      ...all.map(({ chunk }) => thrownBy(chunk)),
      thrownBy(room ?? Promise.resolve()),
    ]);
    for (const error of errors) {
      expect(error).to.be.instanceOf(CompressorError);
      expect((error as Error).message).to.equal('a thread that compresses frames ended with code 7');
    }
    expect(copies).to.equal(4);
    for (const { done } of all) done();
    expect(() => broken.compress({ pixels, isBorrowed: false, copied })).to.throw(CompressorError);
    expect(() => broken.room()).to.throw(CompressorError);
    expect(broken.failure).to.equal(errors[0]);
  });
});
