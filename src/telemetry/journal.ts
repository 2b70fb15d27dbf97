import { type FileHandle, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AcquisitionPlan, StartOutcome } from '../contracts/acquisition.js';
import { NoSpaceError } from '../contracts/errors.js';
import type { AcquisitionConfig, Section } from '../contracts/json.js';

/** What the controller was about, as it stands on disk before any component hears of it. */
export type JournalEntry =
  | { readonly phase: 'initialized' | 'standingDown' }
  | { readonly phase: 'configuring' | 'configured' | 'starting'; readonly plan: AcquisitionPlan }
  | { readonly phase: 'running' | 'finished'; readonly plan: AcquisitionPlan; readonly outcome: StartOutcome }
  | { readonly phase: 'error'; readonly message: string; readonly files: Readonly<Record<string, string>> };

/** What clients have set; it survives everything. */
export interface Remembered {
  readonly config: AcquisitionConfig;
  /** What pipelines differ in, by pipeline name. */
  readonly overlays: Readonly<Record<string, Record<string, Section>>>;
  /** Names of the components that are disabled. */
  readonly disabled: readonly string[];
}

export type JournalLine = JournalEntry & Remembered & { readonly at: string };

/** Where a controller writes down what it is about to do. */
export interface Journal {
  /** The last entry of the life before; null when there was none. */
  readonly last: JournalLine | null;
  /** Writes an entry; it is on the disk when this returns. Throws `no_space` when it cannot be written. */
  append(entry: JournalEntry & Remembered): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a journal: a file of JSON lines, each fsynced. Only the last whole line counts, so the file begins anew with it;
 * a line that a crash cut off is as if it had never been written.
 */
export async function openJournal(path: string): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true });
  const last = lastLine(await readFile(path, 'utf8').catch(() => ''));
  const beginning = `${path}.new`;
  await writeFile(beginning, last === null ? '' : `${JSON.stringify(last)}\n`, { flush: true });
  await rename(beginning, path);
  return new FileJournal(await open(path, 'a'), last);
}

class FileJournal implements Journal {
  readonly last: JournalLine | null;
  private readonly file: FileHandle;
  private tail: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, last: JournalLine | null) {
    this.file = file;
    this.last = last;
  }

  append(entry: JournalEntry & Remembered): Promise<void> {
    const line = `${JSON.stringify({ ...entry, at: new Date().toISOString() })}\n`;
    const written = this.tail.then(async () => {
      await this.file.appendFile(line);
      await this.file.datasync();
    });
    this.tail = written.catch(() => undefined);
    return written.catch((cause: unknown) => {
      throw new NoSpaceError('no_space', `The journal cannot be written: ${reason(cause)}.`, {
        component: 'controller',
        operation: 'write the journal',
        expected: 'a writable state folder',
        actual: reason(cause),
        hint: 'Nothing was sent to a component. Make room in the state folder, or make it writable, then try again.',
        cause,
      });
    });
  }

  async close(): Promise<void> {
    await this.tail;
    await this.file.close();
  }
}

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

function lastLine(text: string): JournalLine | null {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const line of whole.trimEnd().split('\n').reverse()) {
    try {
      const entry: unknown = JSON.parse(line);
      if (typeof entry === 'object' && entry !== null && 'phase' in entry) return entry as JournalLine;
    } catch {
      // Cut off, or spoiled by something else: the line before it counts.
    }
  }
  return null;
}
