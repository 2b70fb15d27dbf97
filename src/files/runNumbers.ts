import { constants } from 'node:fs';
import { mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ComponentFailedError, NoSpaceError } from '../contracts/errors.js';

const MOST_ATTEMPTS = 1000;
/** Older numbers stay for a while, so that whoever looks at the folder meanwhile still sees a high one. */
const KEPT_NUMBERS = 16;

/**
 * The run numbers of a deployment. A taken number is an empty file of that name in `folder`, so no number is given
 * twice: not to others at the same time, not after a crash, and in no other process (O_EXCL decides).
 */
export class RunNumbers {
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly folder: string) {}

  /** The number that would be taken next; 1 for the first. */
  async next(): Promise<number> {
    return (await this.#taken()).reduce((highest, number) => Math.max(highest, number), 0) + 1;
  }

  /**
   * Takes the next number; it is on the disk when this returns.
   *
   * @throws NoSpaceError `no_space`, ComponentFailedError `component_failed` when it cannot be written down.
   */
  take(): Promise<number> {
    const taken = this.#turn.then(() => this.#take());
    this.#turn = taken.catch(() => undefined);
    return taken;
  }

  async #take(): Promise<number> {
    try {
      await mkdir(this.folder, { recursive: true });
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        const number = await this.next();
        if (!(await this.#claim(number))) continue;
        const taken = await this.#taken();
        // A higher one was taken, and the file of this one removed, since we looked: it may have been given before.
        if (taken.some((other) => other > number)) continue;
        await this.#sync();
        await this.#tidy(taken);
        return number;
      }
    } catch (error) {
      throw unwritable(this.folder, error);
    }
    throw unwritable(this.folder, new Error('others keep taking numbers'));
  }

  async #taken(): Promise<number[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.filter((name) => /^[1-9]\d{0,14}$/.test(name)).map(Number);
  }

  /** False when somebody has it. */
  async #claim(number: number): Promise<boolean> {
    try {
      const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
      const handle = await open(join(this.folder, String(number)), flags, 0o644);
      await handle.close();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** The file is empty: what has to outlive a loss of power is its name in the folder. */
  async #sync(): Promise<void> {
    const handle = await open(this.folder, constants.O_RDONLY | constants.O_DIRECTORY);
    await handle.sync().finally(() => handle.close());
  }

  async #tidy(taken: readonly number[]): Promise<void> {
    const old = taken.toSorted((a, b) => b - a).slice(KEPT_NUMBERS);
    // Those left behind are in nobody's way.
    await Promise.allSettled(old.map((number) => unlink(join(this.folder, String(number)))));
  }
}

function unwritable(folder: string, cause: unknown): NoSpaceError | ComponentFailedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const facts = {
    component: 'controller',
    operation: 'take a run number',
    expected: 'a state folder that can be written',
    actual: reason,
    hint: `Nothing was sent to a component. Make ${folder} writable and make room there, or leave {run} out.`,
    cause,
  };
  const text = `The next run number cannot be written down in ${folder}: ${reason}.`;
  return /ENOSPC|EDQUOT/.test(reason)
    ? new NoSpaceError('no_space', text, facts)
    : new ComponentFailedError('component_failed', text, facts);
}
