import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AcquisitionPlan, StartOutcome } from '../contracts/acquisition.js';
import { ComponentFailedError, NoSpaceError } from '../contracts/errors.js';
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

/** From this size on the file begins anew with its last line. */
const LARGEST_BYTES = 1024 * 1024;

/**
 * Opens a journal: a file of JSON lines, each fsynced. Only the last whole line counts, so the file begins anew with it
 * now and whenever it has grown; a line that a crash cut off is as if it had never been written.
 *
 * @throws ComponentFailedError `component_failed` when there is one that cannot be read: it is left as it is.
 */
export async function openJournal(path: string): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true });
  const last = lastLine(await textOf(path));
  const text = last === null ? '' : `${JSON.stringify(last)}\n`;
  return new FileJournal({
    path,
    file: await beginAnew(path, text),
    sizeBytes: Buffer.byteLength(text),
    last,
  });
}

/** Only what is not there is as good as empty: of what cannot be read nobody knows what it says. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new ComponentFailedError(
      'component_failed',
      `The journal ${path} cannot be read: ${reason(cause)}.`,
      {
        component: 'controller',
        operation: 'read the journal',
        expected: 'a journal that can be read, or none',
        actual: reason(cause),
        hint: 'It says what the controller before was about. Make it readable, or move it away to begin anew.',
        cause,
      },
    );
  }
}

/** Replaces the file by one with this text only: whenever we die, the old one is there or the new one. */
async function beginAnew(path: string, text: string): Promise<FileHandle> {
  const beginning = `${path}.new`;
  // Every write is on the disk when it is done: as after a write and fdatasync, in one step instead of two.
  const { O_APPEND, O_CREAT, O_DSYNC, O_TRUNC, O_WRONLY } = constants;
  const file = await open(beginning, O_APPEND | O_CREAT | O_DSYNC | O_TRUNC | O_WRONLY, 0o666);
  try {
    await file.appendFile(text);
    await file.sync();
    await rename(beginning, path);
  } catch (error) {
    await file.close();
    throw error;
  }
  await syncFolder(dirname(path));
  return file;
}

/** Else a loss of power could bring an old file back, and with it what was true before. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY).catch(() => null);
  // Some file systems know no such thing.
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

class FileJournal implements Journal {
  readonly last: JournalLine | null;
  readonly #path: string;
  #file: FileHandle;
  /** At least; what was cut off by a full disk is counted too. */
  #sizeBytes: number;
  #tail: Promise<void> = Promise.resolve();
  #endsInHalfALine = false;

  constructor(parts: { path: string; file: FileHandle; sizeBytes: number; last: JournalLine | null }) {
    this.#path = parts.path;
    this.#file = parts.file;
    this.#sizeBytes = parts.sizeBytes;
    this.last = parts.last;
  }

  append(entry: JournalEntry & Remembered): Promise<void> {
    const line = `${JSON.stringify({ ...entry, at: new Date().toISOString() })}\n`;
    const written = this.#tail.then(() => this.#write(line));
    this.#tail = written.catch(() => undefined);
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
    await this.#tail;
    await this.#file.close();
  }

  async #write(line: string): Promise<void> {
    // A full disk may have taken a part of the line before.
    const beginning = this.#endsInHalfALine ? '\n' : '';
    const bytes = Buffer.from(beginning + line);
    this.#endsInHalfALine = true;
    this.#sizeBytes += bytes.length;
    for (let done = 0; done < bytes.length; ) done += (await this.#file.write(bytes, done)).bytesWritten;
    this.#endsInHalfALine = false;
    if (this.#sizeBytes > LARGEST_BYTES) await this.#shorten(line);
  }

  async #shorten(lastLine: string): Promise<void> {
    const long = this.#file;
    // Where it cannot be done, the long file is as good; it is tried again after the next line.
    this.#file = await beginAnew(this.#path, lastLine).catch(() => long);
    if (this.#file === long) return;
    this.#sizeBytes = Buffer.byteLength(lastLine);
    await long.close();
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
