import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

const GONE = 'the file is gone, removed or moved with its folder';
const REPLACED = 'another file has taken its place, which is left as it is';

/** Tells the file that was made under a name from another one that has taken its place. */
export class FileIdentity {
  readonly #made: BigIntStats;

  /** @throws Error when the file is not there. */
  constructor(readonly path: string) {
    this.#made = statSync(path, { bigint: true });
  }

  /** @throws Error, saying what has happened, unless the name still leads to the same file. */
  require(): void {
    const problem = this.#compare(statSync(this.path, { bigint: true, throwIfNoEntry: false }));
    if (problem !== null) throw new Error(problem);
  }

  /** What has happened; null when the name still leads to the same file, or when nobody can tell. Never rejects. */
  async problem(): Promise<string | null> {
    try {
      return this.#compare(await stat(this.path, { bigint: true }));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? GONE : null;
    }
  }

  #compare(now: BigIntStats | undefined): string | null {
    if (now === undefined) return GONE;
    return now.ino === this.#made.ino && now.dev === this.#made.dev ? null : REPLACED;
  }
}
