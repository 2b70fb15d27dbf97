import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Assembled,
  type Geometry,
  ImageAssembly,
  type Part,
} from '../../../src/writer/decoders/assembly.js';
import { unpackFourBit } from '../../../src/writer/decoders/fourBit.js';
import { BYTES_PER_VALUE } from '../../../src/writer/pixelTypes.js';

const geometries = fc
  .record({
    gridRows: fc.integer({ min: 1, max: 3 }),
    gridColumns: fc.integer({ min: 1, max: 3 }),
    partRows: fc.integer({ min: 1, max: 4 }),
    partColumns: fc.integer({ min: 1, max: 5 }),
    type: fc.constantFrom('uint8', 'uint16', 'uint32'),
  })
  .map((geometry): Geometry => ({ ...geometry, partsExpected: geometry.gridRows * geometry.gridColumns }));

/** A pixel's byte, different for each image, place and position. */
const byteOf = (image: number, place: number, at: number) => (image * 61 + place * 17 + at * 3) % 251;

function partOf(geometry: Geometry, image: number, place: number): Part<string> {
  const { partRows, partColumns, type, gridColumns } = geometry;
  const sizeBytes = partRows * partColumns * BYTES_PER_VALUE[type];
  const pixels = Uint8Array.from({ length: sizeBytes }, (_, at) => byteOf(image, place, at));
  const row = Math.floor(place / gridColumns);
  const column = place % gridColumns;
  return { image, row, column, pixels, isUpsideDown: (image + place) % 3 === 0, facts: `${image}/${place}` };
}

/** The image byte by byte, the other way round: which part has the byte at this place, and where. */
function expectedPixels(geometry: Geometry, image: number, present: ReadonlySet<number>): Uint8Array {
  const { gridRows, gridColumns, partRows, partColumns, type } = geometry;
  const partBytes = partColumns * BYTES_PER_VALUE[type];
  const lineBytes = partBytes * gridColumns;
  return Uint8Array.from({ length: gridRows * partRows * lineBytes }, (_, at) => {
    const line = Math.floor(at / lineBytes);
    const inLine = at % lineBytes;
    const place = Math.floor(line / partRows) * gridColumns + Math.floor(inLine / partBytes);
    if (!present.has(place)) return 255;
    const upright = line % partRows;
    const partLine = (image + place) % 3 === 0 ? partRows - 1 - upright : upright;
    return byteOf(image, place, partLine * partBytes + (inLine % partBytes));
  });
}

interface Seen {
  readonly image: number;
  readonly missingParts: number;
  readonly pixels: Uint8Array;
  readonly facts: readonly (string | undefined)[];
}

/** What comes out, copied: the pixels are only valid until the next call. */
function feed(geometry: Geometry, parts: readonly Part<string>[], flushAtEnd = true) {
  const assembly = new ImageAssembly<string>(geometry);
  const seen: Seen[] = [];
  let late = 0;
  const note = (images: readonly Assembled<string>[]) => {
    for (const image of images) seen.push({ ...image, pixels: image.pixels.slice() });
  };
  for (const part of parts) {
    const done = assembly.add(part);
    if (done === 'late') late += 1;
    else note(done);
  }
  if (flushAtEnd) note(assembly.flush());
  return { seen, late };
}

describe('ImageAssembly', () => {
  it('puts every image together once, whatever the order of its parts, and leaves repeated parts out', () => {
    const images = 6;
    const run = geometries.chain((geometry) => {
      const all = Array.from({ length: images * geometry.partsExpected }, (_, index) => index);
      return fc.record({
        geometry: fc.constant(geometry),
        order: fc.shuffledSubarray(all, { minLength: all.length }),
        again: fc.array(fc.nat(all.length - 1), { maxLength: 10 }),
      });
    });
    fc.assert(
      fc.property(run, ({ geometry, order, again }) => {
        const { partsExpected } = geometry;
        const parts = [...order, ...again].map((index) =>
          partOf(geometry, Math.floor(index / partsExpected), index % partsExpected),
        );
        const { seen, late } = feed(geometry, parts);
        expect(late).to.equal(again.length);
        expect(seen.map(({ image }) => image).sort()).to.deep.equal([0, 1, 2, 3, 4, 5]);
        const whole = new Set(Array.from({ length: partsExpected }, (_, place) => place));
        for (const { image, pixels, missingParts, facts } of seen) {
          expect(missingParts).to.equal(0);
          expect(pixels).to.deep.equal(expectedPixels(geometry, image, whole));
          expect(facts).to.deep.equal([...whole].map((place) => `${image}/${place}`));
        }
      }),
    );
  });

  it('gives out images that lack parts, with all bits set there, while the streams go on', () => {
    const images = 40;
    const run = geometries.chain((geometry) =>
      fc.record({
        geometry: fc.constant(geometry),
        lost: fc.uniqueArray(fc.nat(images * geometry.partsExpected - 1), { maxLength: 30 }),
        // How far each stream is behind the first one; streams keep their order.
        lags: fc.array(fc.nat(20), {
          minLength: geometry.partsExpected,
          maxLength: geometry.partsExpected,
        }),
      }),
    );
    fc.assert(
      fc.property(run, ({ geometry, lost, lags }) => {
        const { partsExpected } = geometry;
        const isLost = new Set(lost);
        const sent = Array.from({ length: images * partsExpected }, (_, index) => index)
          .filter((index) => !isLost.has(index))
          .map((index) => ({ image: Math.floor(index / partsExpected), place: index % partsExpected }))
          .sort((one, other) => one.image + (lags[one.place] ?? 0) - other.image - (lags[other.place] ?? 0));
        const { seen, late } = feed(
          geometry,
          sent.map(({ image, place }) => partOf(geometry, image, place)),
        );
        expect(late).to.equal(0);
        const present = new Map<number, Set<number>>();
        for (const { image, place } of sent) present.set(image, (present.get(image) ?? new Set()).add(place));
        expect(seen.map(({ image }) => image).sort((a, b) => a - b)).to.deep.equal(
          [...present.keys()].sort((a, b) => a - b),
        );
        for (const { image, pixels, missingParts } of seen) {
          const came = present.get(image) ?? new Set();
          expect(missingParts).to.equal(partsExpected - came.size);
          expect(pixels).to.deep.equal(expectedPixels(geometry, image, came));
        }
      }),
    );
  });

  const pair: Geometry = {
    gridRows: 1,
    gridColumns: 2,
    partRows: 1,
    partColumns: 1,
    type: 'uint8',
    partsExpected: 2,
  };

  it('waits for a part as long as its stream is not well past it', () => {
    const first = Array.from({ length: 20 }, (_, image) => partOf(pair, image, 0));
    const waiting = feed(pair, first, false);
    expect(waiting.seen).to.deep.equal([]);
    const ahead = Array.from({ length: 9 }, (_, image) => partOf(pair, image + 1, 1));
    const { seen } = feed(pair, [...first, ...ahead], false);
    // Image 0 is given up when the other stream has come to image 8.
    expect(seen.find(({ image }) => image === 0)).to.deep.include({ missingParts: 1 });
    expect(seen.filter(({ missingParts }) => missingParts > 0)).to.have.length(1);
  });

  it('does not let a stream that is silent fill the memory', () => {
    const parts = Array.from({ length: 200 }, (_, image) => partOf(pair, image, 0));
    const { seen } = feed(pair, parts, false);
    expect(seen).to.have.length(200 - 64);
    expect(seen.map(({ image }) => image)).to.deep.equal(seen.map((_, index) => index));
  });

  it('calls an image whole when all that is streamed has come', () => {
    const { seen } = feed({ ...pair, partsExpected: 1 }, [partOf(pair, 4, 1)], false);
    expect(seen).to.have.length(1);
    expect(seen[0]).to.include({ image: 4, missingParts: 0 });
    expect(seen[0]?.pixels[0]).to.equal(255);
  });

  it('leaves out a part that comes after its image was given out without it', () => {
    const assembly = new ImageAssembly<string>(pair);
    assembly.add(partOf(pair, 0, 0));
    expect(assembly.flush()).to.have.length(1);
    expect(assembly.add(partOf(pair, 0, 1))).to.equal('late');
    expect(assembly.flush()).to.have.length(0);
  });
});

describe('unpackFourBit', () => {
  it('gives back every pixel, two of each byte, the upper half first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15), { maxLength: 65 }), (pixels) => {
        const packed = new Uint8Array(Math.ceil(pixels.length / 2));
        for (const [at, pixel] of pixels.entries()) {
          packed[at >> 1] = (packed[at >> 1] ?? 0) | (pixel << (at % 2 === 0 ? 4 : 0));
        }
        const unpacked = new Uint8Array(pixels.length).fill(99);
        unpackFourBit(packed, unpacked);
        expect([...unpacked]).to.deep.equal(pixels);
      }),
    );
    const unpacked = new Uint8Array(4);
    unpackFourBit(Uint8Array.of(0x12, 0xf0), unpacked);
    expect([...unpacked]).to.deep.equal([1, 2, 15, 0]);
  });
});
