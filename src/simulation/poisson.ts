import type { Random } from './random.js';

/** Above this mean a rounded normal distribution stands for the Poisson distribution. */
const LARGEST_TABLED_MEAN = 32;
const STEPS_PER_COUNT = 8;
const LEVELS = LARGEST_TABLED_MEAN * STEPS_PER_COUNT + 1;

/** A table covers counts below 128, 17 standard deviations above the largest tabled mean. */
const TABLE_BITS = 7;
const TABLE_SIZE = 1 << TABLE_BITS;
const FRACTION_BITS = 32 - TABLE_BITS;
const LARGEST_FRACTION = 2 ** FRACTION_BITS - 1;

/**
 * Draws counts around given means in constant time: an alias table per mean (Walker, Electronics Letters 10,
 * 1974; built as by Vose, IEEE Trans. Softw. Eng. 17, 1991), with means rounded to 1/8 count, and a normal
 * distribution for large means.
 */
export class PoissonSampler {
  readonly #random: Random;
  /** All tables in one: an entry holds the alias in its low bits, and above it how often the column itself. */
  readonly #entries = new Uint32Array(LEVELS * TABLE_SIZE);
  readonly #built = new Uint8Array(LEVELS);

  constructor(random: Random) {
    this.#random = random;
  }

  /** Draws one count for each mean (all >= 0) into `counts`, which has the same length. */
  fill(means: Float32Array, counts: Uint32Array): void {
    const random = this.#random;
    const entries = this.#entries;
    const built = this.#built;
    for (let index = 0; index < counts.length; index++) {
      const mean = means[index] as number;
      if (mean >= LARGEST_TABLED_MEAN) {
        counts[index] = Math.max(0, Math.round(mean + Math.sqrt(mean) * this.#normal()));
        continue;
      }
      const level = (mean * STEPS_PER_COUNT + 0.5) | 0;
      if (built[level] === 0) this.#build(level);
      const bits = random();
      const column = bits >>> FRACTION_BITS;
      const entry = entries[level * TABLE_SIZE + column] as number;
      const itself = (bits & LARGEST_FRACTION) < entry >>> TABLE_BITS;
      counts[index] = itself ? column : entry & (TABLE_SIZE - 1);
    }
  }

  #build(level: number): void {
    this.#entries.set(aliasTable(poissonProbabilities(level / STEPS_PER_COUNT)), level * TABLE_SIZE);
    this.#built[level] = 1;
  }

  /** One standard normal deviate (Box and Muller). */
  #normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.#random() + 1) / 2 ** 32));
    return radius * Math.cos((2 * Math.PI * this.#random()) / 2 ** 32);
  }
}

function poissonProbabilities(mean: number): Float64Array {
  const probabilities = new Float64Array(TABLE_SIZE);
  let probability = Math.exp(-mean);
  for (let count = 0; count < TABLE_SIZE; count++) {
    probabilities[count] = probability;
    probability *= mean / (count + 1);
  }
  return probabilities;
}

function aliasTable(probabilities: Float64Array): Uint32Array {
  const shares = probabilities.map((value) => value * TABLE_SIZE);
  // A column without an alias gives itself, whatever the fraction.
  const entries = Uint32Array.from(shares, (_, column) => column);
  const small: number[] = [];
  const large: number[] = [];
  for (const [column, share] of shares.entries()) (share < 1 ? small : large).push(column);
  for (;;) {
    const poor = small.pop();
    const rich = large.pop();
    if (poor === undefined || rich === undefined) break;
    const share = shares[poor] ?? 0;
    entries[poor] = Math.round(share * LARGEST_FRACTION) * TABLE_SIZE + rich;
    const rest = (shares[rich] ?? 0) + share - 1;
    shares[rich] = rest;
    (rest < 1 ? small : large).push(rich);
  }
  return entries;
}
