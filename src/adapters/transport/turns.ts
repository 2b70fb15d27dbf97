/** Lets the holders of a key work one after the other, in order of arrival. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Waits until everybody who came earlier let go of `key`; answers how to let go.
   *
   * @throws the signal's reason when it fires first; the place in the queue is then given up.
   */
  async take(key: string, signal: AbortSignal): Promise<() => void> {
    const earlier = this.#last.get(key) ?? Promise.resolve();
    let letGo = () => {};
    const mine = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const last = earlier.then(() => mine);
    this.#last.set(key, last);
    void last.then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key);
    });
    try {
      await untilDone(earlier, signal);
    } catch (error) {
      letGo();
      throw error;
    }
    return letGo;
  }
}

async function untilDone(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
