import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { setImmediate as afterIo } from 'node:timers/promises';

/** How a file of lines is kept. */
export interface LineFileOptions {
  /** A line that would make it longer begins a new file; the present one is kept as `name1.log`, and so on. */
  readonly largestBytes: number;
  /** How many files are kept, the present one counted. */
  readonly files: number;
  /** Longest time a line waits for others to be written with; 0: only until what goes on now has been done. */
  readonly waitMs: number;
  /** Told in a sentence when it cannot be written. */
  readonly onProblem: (text: string) => void;
}

/** After a failure the file is left alone for so long, then opened anew. */
const REOPEN_AFTER_MS = 5_000;
/** Lines that wait for the disk; what comes when there are more is left out. */
const LARGEST_BACKLOG_BYTES = 4 * 1024 * 1024;

/**
 * A file that lines are appended to, many with one write. It keeps nobody waiting, and neither a full disk nor a folder
 * that was removed ends it for good: it is opened anew a while later.
 */
export class LineFile {
  readonly #path: string;
  readonly #options: LineFileOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #file: FileHandle | null = null;
  #sizeBytes = 0;
  #writing: Promise<void> | null = null;
  #notBeforeMs = 0;
  #isClosed = false;
  #isHurried = false;
  /** Ends the wait for more lines. */
  #hurry = () => {};

  constructor(path: string, options: LineFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Takes a line, without its end. */
  write(line: string): void {
    if (this.#isClosed || this.#waitingBytes > LARGEST_BACKLOG_BYTES) return;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#later();
  }

  /** Has what waits written now, with what comes until then. */
  hurry(): void {
    if (performance.now() < this.#notBeforeMs) return;
    this.#isHurried = this.#waiting.length > 0;
    this.#hurry();
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hurry();
    await this.#writing;
    if (this.#waiting.length > 0) await this.#writeAll();
    await this.#file?.close().catch(() => undefined);
    this.#file = null;
  }

  async #later(): Promise<void> {
    await this.#wait();
    await this.#writeAll();
    this.#writing = null;
    if (this.#waiting.length > 0 && !this.#isClosed) this.#writing = this.#later();
  }

  async #wait(): Promise<void> {
    // After a failure not before it is opened anew.
    const waitMs = Math.max(this.#options.waitMs, this.#notBeforeMs - performance.now());
    if (waitMs > 0 && !this.#isHurried) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#hurry = resolve;
        timer = setTimeout(resolve, waitMs).unref();
      });
      clearTimeout(timer);
    }
    // What goes on now may have more to say.
    if (!this.#isClosed) await afterIo();
    this.#isHurried = false;
  }

  async #writeAll(): Promise<void> {
    if (performance.now() < this.#notBeforeMs) return;
    const text = `${this.#waiting.join('\n')}\n`;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const bytes = Buffer.from(text);
    try {
      let file = await this.#opened();
      if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#options.largestBytes) {
        await this.#moveOn();
        file = await this.#opened();
      }
      this.#sizeBytes += bytes.length;
      await file.appendFile(bytes);
    } catch (error) {
      this.#notBeforeMs = performance.now() + REOPEN_AFTER_MS;
      this.#options.onProblem(`A log file cannot be written: ${(error as Error).message}`);
      await this.#file?.close().catch(() => undefined);
      this.#file = null;
    }
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== null) return this.#file;
    this.#file = await open(this.#path, 'a');
    this.#sizeBytes = (await stat(this.#path)).size;
    return this.#file;
  }

  async #moveOn(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    const { dir, name, ext } = parse(this.#path);
    const numbered = (number: number) => join(dir, `${name}${number === 0 ? '' : number}${ext}`);
    for (let number = this.#options.files - 1; number > 0; number -= 1) {
      // Where there is none yet, there is nothing to move on.
      await rename(numbered(number - 1), numbered(number)).catch(() => undefined);
    }
  }
}
