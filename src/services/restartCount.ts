/** How often each service was started again since one of them has lived for long enough. */
export class RestartCount {
  readonly #most: number;
  readonly #forgottenMs: number;
  readonly #counts = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** @param forgottenMs - How long a service has to live until what was before it is forgotten. */
  constructor(options: { most: number; forgottenMs: number }) {
    this.#most = options.most;
    this.#forgottenMs = options.forgottenMs;
  }

  /** Counts one more start; null when there were too many of them already. */
  next(name: string): number | null {
    const count = (this.#counts.get(name) ?? 0) + 1;
    if (count > this.#most) return null;
    this.#counts.set(name, count);
    return count;
  }

  /** It lives from now on. */
  begun(name: string): void {
    this.ended(name);
    this.#timers.set(name, setTimeout(() => this.forget(name), this.#forgottenMs).unref());
  }

  /** It has not lived for long enough, if it has not by now. */
  ended(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  forget(name: string): void {
    this.ended(name);
    this.#counts.delete(name);
  }
}
