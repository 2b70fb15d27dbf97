/** More addresses than these are not remembered: the ones that were quiet longest are forgotten. */
const MOST_ADDRESSES = 10_000;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * Limits how many commands each address sends: a bucket that holds the commands of one second, at least one, and
 * fills up evenly.
 */
export class CommandRate {
  readonly #perSecond: number;
  readonly #capacity: number;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, nowMs: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#capacity = Math.max(1, perSecond);
    this.#nowMs = nowMs;
  }

  /** Takes one command off; answers 0, or in how many seconds there will be room for it. */
  take(address: string): number {
    const atMs = this.#nowMs();
    const before = this.#buckets.get(address) ?? { tokens: this.#capacity, atMs };
    const filled = before.tokens + ((atMs - before.atMs) / 1000) * this.#perSecond;
    const tokens = Math.min(this.#capacity, filled);
    // Deleted first, so that the map is in order of use.
    this.#buckets.delete(address);
    this.#buckets.set(address, { tokens: tokens < 1 ? tokens : tokens - 1, atMs });
    if (this.#buckets.size > MOST_ADDRESSES) this.#forgetOldest();
    return tokens < 1 ? (1 - tokens) / this.#perSecond : 0;
  }

  #forgetOldest(): void {
    for (const address of this.#buckets.keys()) {
      this.#buckets.delete(address);
      return;
    }
  }
}
