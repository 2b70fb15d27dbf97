import { PoissonSampler } from './poisson.js';
import { type Random, seededRandom } from './random.js';

/** The bit depths the simulated detector reads out. */
export const BIT_DEPTHS = [8, 16, 32] as const;

export type BitDepth = (typeof BIT_DEPTHS)[number];

/** Rows and columns of a frame. */
export interface FrameShape {
  readonly rows: number;
  readonly columns: number;
}

const POOL_FRAMES = 8;
const POOL_BYTES = 64 * 1024 * 1024;

const BACKGROUND_COUNTS = 2;
const RING_COUNTS = 12;
const SPOT_COUNTS = [40, 160] as const;
const SPOT_RADIUS = 4;
const PIXELS_PER_SPOT = 8192;

/**
 * Makes frames as a diffraction experiment does: rings and Bragg-like spots over a flat background, with
 * counting (Poisson) noise.
 *
 * A handful of different frames are drawn per bit depth, when first needed; every frame given out is a copy of
 * one of them with the frame number, modulo 2^bits, in pixel [0, 0] (little endian).
 */
export class FrameGenerator {
  readonly #shape: FrameShape;
  readonly #random: Random;
  readonly #sampler: PoissonSampler;
  #expectation: Float32Array | null = null;
  #pool: { readonly bitDepth: BitDepth; readonly frames: Buffer[] } | null = null;

  /** The same shape and seed give the same frames. */
  constructor(shape: FrameShape, seed: number) {
    this.#shape = shape;
    this.#random = seededRandom(seed);
    this.#sampler = new PoissonSampler(this.#random);
  }

  /** The mean count of every pixel, row by row. */
  expectation(): Float32Array {
    this.#expectation ??= expectedCounts(this.#shape, this.#random);
    return this.#expectation;
  }

  /** Draws the frames of a bit depth, unless they are there; about 5 ms for 512x1024 pixels each. */
  prepare(bitDepth: BitDepth): void {
    if (this.#pool?.bitDepth === bitDepth) return;
    const { rows, columns } = this.#shape;
    const frameBytes = (rows * columns * bitDepth) / 8;
    const count = Math.max(2, Math.min(POOL_FRAMES, Math.floor(POOL_BYTES / frameBytes)));
    const frames = Array.from({ length: count }, () => this.#drawFrame(bitDepth));
    this.#pool = { bitDepth, frames };
  }

  /** The pixels of a frame, in a buffer of its own. */
  frame(frameNumber: number, bitDepth: BitDepth): Buffer {
    this.prepare(bitDepth);
    const frames = this.#pool?.frames ?? [];
    const drawn = frames[frameNumber % frames.length] ?? Buffer.alloc(0);
    // Not from Node's shared pool, and copied: the transport holds on to the memory while it sends.
    const copy = Buffer.allocUnsafeSlow(drawn.length);
    drawn.copy(copy);
    const bytes = bitDepth / 8;
    copy.writeUIntLE(frameNumber % 2 ** bitDepth, 0, bytes);
    return copy;
  }

  #drawFrame(bitDepth: BitDepth): Buffer {
    const expectation = this.expectation();
    const counts = new Uint32Array(expectation.length);
    this.#sampler.fill(expectation, counts);
    const saturation = 2 ** bitDepth - 1;
    for (let index = 0; index < counts.length; index++) {
      if ((counts[index] as number) > saturation) counts[index] = saturation;
    }
    const pixels = toBitDepth(counts, bitDepth);
    return Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  }
}

function toBitDepth(counts: Uint32Array, bitDepth: BitDepth): Uint8Array | Uint16Array | Uint32Array {
  switch (bitDepth) {
    case 8:
      return new Uint8Array(counts);
    case 16:
      return new Uint16Array(counts);
    case 32:
      return counts;
  }
}

function expectedCounts({ rows, columns }: FrameShape, random: Random): Float32Array {
  const expectation = new Float32Array(rows * columns);
  const ringAtRadius = ringProfile(rows, columns);
  for (let row = 0; row < rows; row++) {
    const y = row - rows / 2;
    for (let column = 0; column < columns; column++) {
      const x = column - columns / 2;
      const radius = Math.sqrt(x * x + y * y) | 0;
      expectation[row * columns + column] = BACKGROUND_COUNTS + (ringAtRadius[radius] ?? 0);
    }
  }
  const spots = Math.max(1, Math.round((rows * columns) / PIXELS_PER_SPOT));
  for (let spot = 0; spot < spots; spot++) addSpot(expectation, { rows, columns }, random);
  return expectation;
}

/** Four rings around the centre, one pixel of radius an entry. */
function ringProfile(rows: number, columns: number): Float32Array {
  const outermost = Math.hypot(rows, columns) / 2;
  const width = Math.max(1, outermost / 150);
  return Float32Array.from({ length: Math.ceil(outermost) + 1 }, (_, radius) => {
    let counts = 0;
    for (const part of [0.2, 0.35, 0.5, 0.7]) {
      counts += RING_COUNTS * Math.exp(-((radius - part * outermost) ** 2) / (2 * width ** 2));
    }
    return counts;
  });
}

function addSpot(expectation: Float32Array, { rows, columns }: FrameShape, random: Random): void {
  const centreRow = random() % rows;
  const centreColumn = random() % columns;
  const [weakest, strongest] = SPOT_COUNTS;
  const peak = weakest + ((strongest - weakest) * random()) / 2 ** 32;
  const firstColumn = Math.max(0, centreColumn - SPOT_RADIUS);
  const lastColumn = Math.min(columns - 1, centreColumn + SPOT_RADIUS);
  const lastRow = Math.min(rows - 1, centreRow + SPOT_RADIUS);
  for (let row = Math.max(0, centreRow - SPOT_RADIUS); row <= lastRow; row++) {
    for (let column = firstColumn; column <= lastColumn; column++) {
      const distanceSquared = (row - centreRow) ** 2 + (column - centreColumn) ** 2;
      const index = row * columns + column;
      expectation[index] = (expectation[index] ?? 0) + peak * Math.exp(-distanceSquared / 4);
    }
  }
}
