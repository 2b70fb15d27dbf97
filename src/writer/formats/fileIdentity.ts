import { type BigIntStats, statSync } from 'node:fs';

/** Tells the file that was made under a name from another one that has taken its place. */
export class FileIdentity {
  readonly #made: BigIntStats;

  /** @throws Error when the file is not there. */
  constructor(readonly path: string) {
    this.#made = statSync(path, { bigint: true });
  }

  /** @throws Error, saying what has happened, unless the name still leads to the same file. */
  require(): void {
    const now = statSync(this.path, { bigint: true, throwIfNoEntry: false });
    if (now === undefined) throw new Error('the file is gone, removed or moved with its folder');
    if (now.ino !== this.#made.ino || now.dev !== this.#made.dev) {
      throw new Error('another file has taken its place, which is left as it is');
    }
  }
}
