import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from '../../../services/processIdentity.js';

/** What has to be known of a run to find its process again. */
export interface RunRecord extends ProcessIdentity {
  readonly restPort: number;
  readonly file: string;
  /** Frames asked for; 0: until stopped. */
  readonly frames: number;
  readonly log: string;
}

const NUMBERS = ['pid', 'startTicks', 'restPort', 'frames'] as const;
const TEXTS = ['bootId', 'file', 'log'] as const;

/** The note on disk about the present or last run of one writer. */
export class RunNote {
  readonly #path: string;

  constructor(folder: string, component: string) {
    this.#path = join(folder, `${component}.run.json`);
  }

  /** Null when there is none, or none that can be understood. */
  async read(): Promise<RunRecord | null> {
    try {
      const record: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      return isRecord(record) ? record : null;
    } catch {
      return null;
    }
  }

  /** All of it or nothing, whenever we die. */
  async write(record: RunRecord): Promise<void> {
    await writeFile(`${this.#path}.new`, `${JSON.stringify(record, null, 2)}\n`);
    await rename(`${this.#path}.new`, this.#path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

function isRecord(value: unknown): value is RunRecord {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  return (
    NUMBERS.every((name) => Number.isInteger(fields.get(name))) &&
    TEXTS.every((name) => typeof fields.get(name) === 'string')
  );
}
