import { expect } from 'chai';
import fc from 'fast-check';
import { type Compression, CompressionError, decompress } from '../../../src/writer/decoders/compression.js';
import { lz4Block, type Packing, pack } from '../../support/packing.js';

const elementBytes = fc.constantFrom(1, 2, 4, 8);

/** Pixels of all sorts: noise, runs, few counts. */
const pixels = fc
  .tuple(elementBytes, fc.array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 700 })), { maxLength: 12 }))
  .chain(([bytes, runs]) =>
    fc.uint8Array({ maxLength: 600 }).map((noise) => {
      const all = Buffer.concat([...runs.map(([value, count]) => Buffer.alloc(count, value)), noise]);
      return { bytes, pixels: all.subarray(0, all.byteLength - (all.byteLength % bytes)) };
    }),
  );

const packing = fc.record({
  algorithm: fc.constantFrom('lz4' as const, 'bslz4' as const),
  isFramed: fc.boolean(),
  blocks: fc.integer({ min: 1, max: 20 }),
});

function compressionOf({ algorithm, elementBytes: bytes }: Packing): Compression {
  return algorithm === 'lz4' ? { algorithm } : { algorithm, elementBytes: bytes };
}

describe('decompress', () => {
  it('gives back what was packed, for every algorithm, framing, block size and size of elements', () => {
    fc.assert(
      fc.property(pixels, packing, ({ bytes, pixels: plain }, { algorithm, isFramed, blocks }) => {
        // Without framing, bitshuffle has its own idea of the size of a block.
        const blockBytes = isFramed ? blocks * 8 * bytes : Math.max(128 * bytes, 8192);
        const how = { algorithm, elementBytes: bytes, isFramed, blockBytes };
        const target = new Uint8Array(plain.byteLength).fill(0xa5);
        decompress(compressionOf(how), pack(plain, how), target);
        expect(Buffer.compare(target, plain)).to.equal(0);
      }),
      { numRuns: 400 },
    );
  });

  it('raises nothing but its own error, whatever bytes come, and writes nowhere else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        elementBytes,
        fc.constantFrom('lz4' as const, 'bslz4' as const),
        fc.nat(300),
        (source, bytes, algorithm, size) => {
          const memory = new Uint8Array(size + 16).fill(7);
          const how = { algorithm, elementBytes: bytes, isFramed: false, blockBytes: 0 };
          try {
            decompress(compressionOf(how), source, memory.subarray(8, 8 + size));
          } catch (error) {
            expect(error).to.be.instanceOf(CompressionError);
          }
          expect([...memory.subarray(0, 8), ...memory.subarray(8 + size)]).to.deep.equal(Array(16).fill(7));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('notices every cut and says that the blocks end early', () => {
    const plain = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * index) % 251));
    const how = { algorithm: 'bslz4', elementBytes: 2, isFramed: true, blockBytes: 64 } as const;
    const packed = pack(plain, how);
    for (let length = 12; length < packed.byteLength; length += 1) {
      const cut = () => decompress(compressionOf(how), packed.subarray(0, length), new Uint8Array(400));
      expect(cut, `${length} bytes`).to.throw(CompressionError);
    }
  });

  it('refuses a block that is too short or too long for its place', () => {
    for (const size of [99, 101]) {
      const unfit = () => decompress({ algorithm: 'lz4' }, lz4Block(Buffer.alloc(100)), new Uint8Array(size));
      expect(unfit, `${size}`).to.throw(CompressionError);
    }
  });
});
