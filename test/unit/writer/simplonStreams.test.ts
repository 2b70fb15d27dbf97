import { encode, Tag } from 'cbor2';
import { expect } from 'chai';
import fc from 'fast-check';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import type { Frame, Notice } from '../../../src/writer/decoders/decoder.js';
import { SimplonV1Decoder } from '../../../src/writer/decoders/simplonV1.js';
import { SimplonV2Decoder } from '../../../src/writer/decoders/simplonV2.js';
import { BYTES_PER_VALUE, PIXEL_TYPES } from '../../../src/writer/pixelTypes.js';
import {
  endV1,
  endV2,
  headerV1,
  imageV1,
  imageV2,
  type SimplonImage,
  startV2,
} from '../../support/simplonMessages.js';

const versions = [
  {
    dialect: 'simplon-v1',
    create: () => new SimplonV1Decoder(),
    start: headerV1,
    image: imageV1,
    end: endV1,
  },
  { dialect: 'simplon-v2', create: () => new SimplonV2Decoder(), start: startV2, image: imageV2, end: endV2 },
] as const;

const small: SimplonImage = {
  series: 5,
  number: 2,
  type: 'uint16',
  rows: 2,
  columns: 3,
  pixels: Buffer.from([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]),
};

function frameOf(decoded: Frame | Notice): Frame {
  if (typeof decoded === 'string' || !('number' in decoded)) throw new Error(`no frame, but ${decoded}`);
  return decoded;
}

/** What is said of a message that is none. */
function complaint(decoder: SimplonV1Decoder | SimplonV2Decoder, message: readonly Buffer[]): string {
  try {
    const decoded = decoder.decode(message);
    return `taken for ${typeof decoded === 'string' ? decoded : 'a frame'}`;
  } catch (error) {
    if (!(error instanceof ComponentFailedError)) throw error;
    expect(error.code).to.equal('bad_answer');
    expect(error.facts.hint).to.be.a('string');
    return error.message;
  }
}

/** An image of any type, shape, byte order and packing, and its pixels in little-endian. */
const anyImage = fc
  .record({
    type: fc.constantFrom(...PIXEL_TYPES),
    rows: fc.integer({ min: 1, max: 20 }),
    columns: fc.integer({ min: 1, max: 20 }),
    number: fc.nat(100_000),
    isBigEndian: fc.boolean(),
    packed: fc.option(
      fc.record({ algorithm: fc.constantFrom('lz4' as const, 'bslz4' as const), isFramed: fc.boolean() }),
    ),
    seed: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  })
  .map(({ type, rows, columns, number, isBigEndian, packed, seed }) => {
    const valueBytes = BYTES_PER_VALUE[type];
    const pixels = Buffer.from(
      Array.from({ length: rows * columns * valueBytes }, (_, index) => seed[index % seed.length] ?? 0),
    );
    const plain = Buffer.from(pixels);
    if (isBigEndian && valueBytes === 2) plain.swap16();
    if (isBigEndian && valueBytes === 4) plain.swap32();
    if (isBigEndian && valueBytes === 8) plain.swap64();
    const blockBytes = packed?.isFramed ? 16 * valueBytes : Math.max(8192, 128 * valueBytes);
    const packing = packed === null ? {} : { packing: { ...packed, elementBytes: valueBytes, blockBytes } };
    const image: SimplonImage = { series: 5, number, type, rows, columns, pixels, isBigEndian, ...packing };
    return { image, plain };
  });

for (const { dialect, create, start, image, end } of versions) {
  describe(`the decoder of ${dialect}`, () => {
    it('gives back every image: types, shapes, byte orders, bare and packed in every way', () => {
      fc.assert(
        fc.property(anyImage, ({ image: sent, plain }) => {
          const decoder = create();
          expect(decoder.decode(start(5))).to.equal('begin');
          const frame = frameOf(decoder.decode(image(sent)));
          const { number, type, rows, columns } = sent;
          expect(frame).to.include({ number, type, rows, columns });
          expect(Buffer.compare(frame.pixels, plain)).to.equal(0);
        }),
        { numRuns: 300 },
      );
    });

    it('keeps the times of the exposure and the series with the frame', () => {
      const decoder = create();
      decoder.decode(start(5));
      const { metadata } = frameOf(decoder.decode(image(small)));
      expect(metadata).to.include.keys('series_id', 'start_time', 'stop_time', 'real_time');
      expect(metadata).to.include({ series_id: 5, real_time: dialect === 'simplon-v1' ? 2000 : 2 });
    });

    it('leaves out images and ends of another series, and those that come before the start', () => {
      const decoder = create();
      expect(decoder.decode(image(small))).to.equal('foreign');
      expect(decoder.decode(end(5))).to.equal('foreign');
      expect(decoder.decode(start(6))).to.equal('begin');
      expect(decoder.decode(image(small))).to.equal('foreign');
      expect(decoder.decode(end(5))).to.equal('foreign');
      expect(frameOf(decoder.decode(image({ ...small, series: 6 }))).number).to.equal(2);
      expect(decoder.decode(end(6))).to.equal('end');
    });

    it('begins with each new series, and once with a start that comes twice', () => {
      const decoder = create();
      const starts = [1, 1, 2].map((series) => decoder.decode(start(series)));
      expect(starts).to.deep.equal(['begin', 'nothing', 'begin']);
    });

    it('raises nothing but its own error, whatever parts come', () => {
      const decoder = create();
      decoder.decode(start(5));
      const good = image({
        ...small,
        packing: { algorithm: 'bslz4', elementBytes: 2, isFramed: true, blockBytes: 64 },
      });
      fc.assert(
        fc.property(
          fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }),
          fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { maxLength: 4 }),
          (noise, changes) => {
            complaint(
              decoder,
              noise.map((part) => Buffer.from(part)),
            );
            const broken = good.map((part) => Buffer.from(part));
            for (const [place, value] of changes) {
              const part = broken[place % broken.length];
              if (part !== undefined && part.byteLength > 0) part[place % part.byteLength] = value;
            }
            complaint(decoder, broken);
          },
        ),
        { numRuns: 1500 },
      );
    });
  });
}

describe('what is no message of a DECTRIS stream', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const v1 = new SimplonV1Decoder();
  const v2 = new SimplonV2Decoder();
  before(() => {
    v1.decode(headerV1(5));
    v2.decode(startV2(5));
  });

  it('is named, version 1', () => {
    const [head = json({}), data = json({}), blob = json({})] = imageV1(small);
    const changed = (change: object) => json({ ...JSON.parse(data.toString()), ...change });
    const wrong: [Buffer[], string][] = [
      [[], 'A part of the message is missing'],
      [[Buffer.from('{')], 'is no JSON'],
      [[json([1])], 'is no JSON object'],
      [[json({ htype: 'dheader-1.0' })], 'no usable series'],
      [[json({ htype: 'else-1.0', series: 1 })], 'another kind'],
      [[json({ htype: 'dimage-1.0', series: 5, frame: -1 }), data, blob], 'no usable number'],
      [[head], 'A part of the message is missing'],
      [[head, data], 'no pixels'],
      [[head, changed({ shape: [3] }), blob], 'no usable shape'],
      [[head, changed({ shape: [1e9, 1e9] }), blob], 'no usable shape'],
      [[head, changed({ type: 'uint12' }), blob], 'unknown type'],
      [[head, changed({ encoding: 'zip<' }), blob], 'encoding is unknown'],
      [[head, data, Buffer.alloc(11)], 'do not fit the image'],
      [[head, changed({ encoding: 'lz4<' }), Buffer.alloc(11)], 'cannot be decompressed'],
      [[head, changed({ encoding: 'lz4<', shape: [30_000, 30_000] }), blob], 'too few'],
    ];
    for (const [message, text] of wrong) expect(complaint(v1, message)).to.contain(text);
  });

  it('is named, version 2', () => {
    const image = (data: unknown, rest: object = {}) => [
      Buffer.from(encode({ type: 'image', series_id: 5, image_id: 0, data, ...rest })),
    ];
    const array = (values: unknown, shape: unknown = [2, 3]) => ({ a: new Tag(40, [shape, values]) });
    const packed = (...contents: unknown[]) => array(new Tag(69, new Tag(56_500, contents)));
    const wrong: [Buffer[], string][] = [
      [[], 'wrong number of parts'],
      [[...startV2(1), ...startV2(2)], 'wrong number of parts'],
      [[Buffer.from([0xff])], 'no CBOR'],
      [[Buffer.from(encode([1, 2]))], 'no map'],
      [[Buffer.from(encode({ type: 'start' }))], 'no usable series_id'],
      [[Buffer.from(encode({ type: 'else', series_id: 1 }))], 'another kind'],
      [image({}, { image_id: 'x' }), 'no usable image_id'],
      [image({}), 'no array of rows'],
      [image({ a: 7 }), 'no array of rows'],
      [image(array(new Tag(69, new Uint8Array(12)), [2, 0])), 'no array of rows'],
      [image(array(new Tag(84, new Uint8Array(12)))), 'unknown type'],
      [image(array(new Tag(69, 'text'))), 'no bytes'],
      [image(packed('zstd', 2, new Uint8Array(5))), 'compression is unknown'],
      [image(packed('bslz4', 3, new Uint8Array(5))), 'compression is unknown'],
      [image(packed('lz4', 2, new Uint8Array(5))), 'cannot be decompressed'],
      [image(array(new Tag(69, new Uint8Array(11)))), 'do not fit the image'],
    ];
    for (const [message, text] of wrong) expect(complaint(v2, message)).to.contain(text);
  });
});

describe('an image of several thresholds', () => {
  it('is read for the first of them', () => {
    const v2 = new SimplonV2Decoder();
    v2.decode(startV2(5));
    const frame = frameOf(v2.decode(imageV2(small, ['threshold_1', 'threshold_2'])));
    expect(Buffer.compare(frame.pixels, small.pixels)).to.equal(0);
  });
});
