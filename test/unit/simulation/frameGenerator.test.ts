import { expect } from 'chai';
import fc from 'fast-check';
import { BIT_DEPTHS, FrameGenerator } from '../../../src/simulation/frameGenerator.js';
import { PoissonSampler } from '../../../src/simulation/poisson.js';
import { seededRandom } from '../../../src/simulation/random.js';

const SHAPE = { rows: 128, columns: 160 };

function pixels(frame: Buffer, bitDepth: number): number[] {
  const bytes = bitDepth / 8;
  return Array.from({ length: frame.length / bytes }, (_, index) => frame.readUIntLE(index * bytes, bytes));
}

describe('Poisson sampler', () => {
  for (const mean of [0, 0.125, 1, 2, 7.5, 31, 50, 400]) {
    it(`draws counts with mean and variance ${mean}`, () => {
      const counts = new Uint32Array(200_000);
      new PoissonSampler(seededRandom(7)).fill(new Float32Array(counts.length).fill(mean), counts);
      const average = counts.reduce((sum, count) => sum + count, 0) / counts.length;
      const variance = counts.reduce((sum, count) => sum + (count - average) ** 2, 0) / counts.length;
      // Six standard errors: of the mean sqrt(m/n), of the variance sqrt((m + 2m²)/n).
      expect(average).to.be.closeTo(mean, 6 * Math.sqrt(mean / counts.length));
      const rounding = mean > 32 ? 1 / 12 : 0;
      expect(variance).to.be.closeTo(
        mean + rounding,
        6 * Math.sqrt((mean + 2 * mean ** 2) / counts.length) + 1e-9,
      );
    });
  }

  it('draws zero as often as it should', () => {
    const counts = new Uint32Array(200_000);
    new PoissonSampler(seededRandom(3)).fill(new Float32Array(counts.length).fill(1), counts);
    const zeros = counts.filter((count) => count === 0).length / counts.length;
    expect(zeros).to.be.closeTo(Math.exp(-1), 0.007);
  });
});

describe('frame generator', () => {
  it('puts the frame number, modulo the range of the bit depth, into pixel [0, 0]', () => {
    const generators = new Map(
      BIT_DEPTHS.map((depth) => [depth, new FrameGenerator({ rows: 3, columns: 5 }, 1)]),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...BIT_DEPTHS),
        fc.oneof(fc.nat(1000), fc.maxSafeNat()),
        (depth, number) => {
          const frame = generators.get(depth)?.frame(number, depth);
          expect(frame?.length).to.equal((3 * 5 * depth) / 8);
          expect(frame?.readUIntLE(0, depth / 8)).to.equal(number % 2 ** depth);
        },
      ),
    );
  });

  it('makes the same frames from the same seed, others from another', () => {
    const [first, second, third] = [1, 1, 2].map((seed) => new FrameGenerator(SHAPE, seed).frame(0, 16));
    expect(first?.equals(second ?? Buffer.alloc(0))).to.equal(true);
    expect(first?.equals(third ?? Buffer.alloc(0))).to.equal(false);
  });

  it('makes different frames one after the other', () => {
    const generator = new FrameGenerator(SHAPE, 1);
    const frames = [0, 1, 2, 3].map((number) => generator.frame(number, 16).toString('hex'));
    expect(new Set(frames).size).to.equal(4);
  });

  it('gives out memory of its own each time', () => {
    const generator = new FrameGenerator(SHAPE, 1);
    const frame = generator.frame(0, 16);
    const before = Buffer.from(frame);
    generator.frame(8, 16).fill(0xff);
    generator.frame(0, 16).fill(0xff);
    expect(frame.equals(before)).to.equal(true);
  });

  for (const depth of BIT_DEPTHS) {
    it(`counts around the expectation at ${depth} bit, with the noise of counting`, () => {
      const generator = new FrameGenerator(SHAPE, 5);
      const expectation = generator.expectation();
      const counts = pixels(generator.frame(0, depth), depth);
      let chiSquared = 0;
      let used = 0;
      for (const [index, mean] of expectation.entries()) {
        // Saturated pixels cannot fluctuate, and [0, 0] is no count.
        if (index === 0 || mean > 150) continue;
        chiSquared += ((counts[index] ?? 0) - mean) ** 2 / mean;
        used++;
      }
      // Chi squared per pixel is 1 for Poisson counts; its standard error is about sqrt(2.5 / n).
      expect(chiSquared / used).to.be.closeTo(1, 6 * Math.sqrt(2.5 / used) + 0.01);
    });
  }

  it('has spots far above the background, and rings around the centre', () => {
    const { rows, columns } = { rows: 512, columns: 512 };
    const generator = new FrameGenerator({ rows, columns }, 1);
    const expectation = generator.expectation();
    const bright = expectation.filter((mean) => mean > 35).length;
    expect(bright).to.be.greaterThan(32);
    expect(bright / expectation.length).to.be.below(0.02);

    const sums = new Float64Array(256);
    const numbers = new Float64Array(256);
    for (const [index, count] of pixels(generator.frame(0, 16), 16).entries()) {
      const radius = Math.floor(
        Math.hypot(Math.floor(index / columns) - rows / 2, (index % columns) - columns / 2),
      );
      if (radius >= 256 || index === 0 || (expectation[index] ?? 0) > 20) continue;
      sums[radius] = (sums[radius] ?? 0) + count;
      numbers[radius] = (numbers[radius] ?? 0) + 1;
    }
    const profile = sums.map((sum, radius) => sum / (numbers[radius] ?? 1));
    // Four rings lie at fixed parts of half the diagonal.
    for (const part of [0.2, 0.35, 0.5]) {
      const radius = Math.round((part * Math.hypot(rows, columns)) / 2);
      expect(profile[radius], `ring at ${radius}`).to.be.greaterThan(8);
      expect(profile[radius + 15], `beside ${radius}`).to.be.below(4);
    }
  });

  it('makes frames of any shape', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (rows, columns) => {
        expect(new FrameGenerator({ rows, columns }, 1).frame(0, 32).length).to.equal(rows * columns * 4);
      }),
      { numRuns: 30 },
    );
  });
});
