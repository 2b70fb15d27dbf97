/** What became of a frame number that was offered. */
export type Placed = 'new' | 'duplicate' | 'outside';

// Without an end that is known, a broken frame number must not make a file of a billion empty frames.
const LARGEST_JUMP = 1_000_000;

/** Keeps track of which frames of a run came. */
export class FramePlacement {
  #seen = new Uint32Array(64);
  #written = 0;
  #highest = -1;

  /** @param expected - Frames asked for; 0: until stopped. */
  constructor(readonly expected: number) {}

  /** Says what a frame of this number would be; only `new` ones are to be written. */
  judge(number: number): Placed {
    const outside = this.expected > 0 ? number >= this.expected : number > this.#highest + LARGEST_JUMP;
    if (outside || number < 0) return 'outside';
    const bits = this.#seen[Math.floor(number / 32)] ?? 0;
    return (bits & (1 << (number % 32))) === 0 ? 'new' : 'duplicate';
  }

  /** Takes note of a `new` frame that was written. */
  take(number: number): void {
    const word = Math.floor(number / 32);
    if (word >= this.#seen.length) this.#grow(word + 1);
    this.#seen[word] = (this.#seen[word] ?? 0) | (1 << (number % 32));
    this.#written += 1;
    if (number > this.#highest) this.#highest = number;
  }

  get written(): number {
    return this.#written;
  }

  /** The highest frame number that came; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether every frame asked for came. Never, when there is no end. */
  get isComplete(): boolean {
    return this.expected > 0 && this.#written === this.expected;
  }

  /** Frames missing below the highest that came. */
  get gaps(): number {
    return this.#highest + 1 - this.#written;
  }

  /** Frames missing when nothing more comes: the gaps, and with a known end all that never came. */
  get missing(): number {
    return this.expected > 0 ? this.expected - this.#written : this.gaps;
  }

  #grow(words: number): void {
    const larger = new Uint32Array(Math.max(words, this.#seen.length * 2));
    larger.set(this.#seen);
    this.#seen = larger;
  }
}
