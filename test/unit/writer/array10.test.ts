import { expect } from 'chai';
import fc from 'fast-check';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import { Array10Decoder } from '../../../src/writer/decoders/array10.js';
import { BYTES_PER_VALUE, PIXEL_TYPES } from '../../../src/writer/pixelTypes.js';

const decoder = new Array10Decoder();

function decode(header: unknown, pixels: Buffer) {
  return decoder.decode([Buffer.from(JSON.stringify(header)), pixels]);
}

const good = { htype: 'array-1.0', type: 'uint16', shape: [2, 3], frame: 7 };

describe('Array10Decoder', () => {
  it('reads a frame with all its metadata', () => {
    const frame = decode({ ...good, pulse_id: 5, daq_recs: [1, 2] }, Buffer.alloc(12, 9));
    expect(frame).to.include({ number: 7, type: 'uint16', rows: 2, columns: 3 });
    expect(frame.metadata).to.deep.equal({ pulse_id: 5, daq_recs: [1, 2] });
    expect(frame.pixels).to.have.length(12);
  });

  it('reads every type, and swaps what is big-endian', () => {
    for (const type of PIXEL_TYPES) {
      const bytes = BYTES_PER_VALUE[type];
      const little = Buffer.from(Array.from({ length: 2 * bytes }, (_, index) => index));
      const big = Buffer.concat(
        [little.subarray(0, bytes), little.subarray(bytes)].map((value) => Buffer.from(value).reverse()),
      );
      const header = { ...good, type, shape: [1, 2] };
      expect(decode(header, Buffer.from(little)).pixels, type).to.deep.equal(little);
      expect(decode({ ...header, endianness: 'little' }, Buffer.from(little)).pixels, type).to.deep.equal(
        little,
      );
      expect(decode({ ...header, endianness: 'big' }, big).pixels, type).to.deep.equal(little);
    }
  });

  it('names what is wrong, what was expected and what came', () => {
    const wrong: [object, string][] = [
      [{ htype: 'dheader-1.0' }, 'another kind'],
      [{ type: 'complex64' }, 'unknown type'],
      [{ type: 'toString' }, 'unknown type'],
      [{ shape: [2] }, 'shape'],
      [{ shape: [0, 3] }, 'shape'],
      [{ shape: [2, 1.5] }, 'shape'],
      [{ shape: [2, 4] }, 'do not fit'],
      [{ frame: -1 }, 'number'],
      [{ frame: 1.5 }, 'number'],
      [{ frame: '7' }, 'number'],
      [{ endianness: 'middle' }, 'byte order'],
    ];
    for (const [change, text] of wrong) {
      try {
        decode({ ...good, ...change }, Buffer.alloc(12));
        expect.fail(`took ${JSON.stringify(change)}`);
      } catch (error) {
        expect(error).to.be.instanceOf(ComponentFailedError);
        expect((error as ComponentFailedError).message).to.contain(text);
        expect((error as ComponentFailedError).facts).to.include.keys('expected', 'actual', 'hint');
      }
    }
  });

  it('raises nothing but its own error, whatever comes', () => {
    const header = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .record(
          {
            htype: fc.constantFrom('array-1.0', 'x', null),
            type: fc.oneof(fc.constantFrom(...PIXEL_TYPES), fc.jsonValue()),
            shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 3 }), fc.jsonValue()),
            frame: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
            endianness: fc.oneof(fc.constantFrom('big', 'little'), fc.jsonValue()),
            extra: fc.jsonValue(),
          },
          { requiredKeys: ['htype'] },
        )
        .map((fields) => Buffer.from(JSON.stringify(fields))),
    );
    const pixels = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(header, fc.array(pixels, { maxLength: 2 }), (head, rest) => {
        try {
          const frame = decoder.decode([head, ...rest]);
          expect(frame.pixels.byteLength).to.equal(frame.rows * frame.columns * BYTES_PER_VALUE[frame.type]);
          expect(frame.number).to.satisfy(Number.isSafeInteger).and.to.be.at.least(0);
        } catch (error) {
          expect(error).to.be.instanceOf(ComponentFailedError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
