import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiaError, toDiaError } from '../../contracts/errors.js';
import { verifyInWorker } from '../../files/verifyInWorker.js';
import { download } from '../transport/download.js';

/** Opening a file and counting its images takes no longer. */
const COUNT_TIMEOUT_MS = 30_000;

/** The files that a series makes. */
export interface FileSet {
  /** What their names begin with, before the number of the series. */
  readonly stem: string;
  /** Images asked for; 0: not known. */
  readonly frames: number;
  /** 0: all in the master file. */
  readonly imagesPerFile: number;
  /** Where they are fetched to; null: they stay. */
  readonly folder: string | null;
  /** What the master file becomes, reserved already; null: it stays. */
  readonly masterFile: string | null;
  /** Files that were there before the series. */
  readonly before: ReadonlySet<string>;
}

/** Where the files are. */
export interface FilesOptions {
  /** Name of the component in errors. */
  readonly component: string;
  /** Of the control unit. */
  readonly url: string;
  readonly stallTimeoutMs: number;
  readonly set: FileSet;
}

interface Found {
  readonly master: string | null;
  readonly data: readonly string[];
}

/** The files of one series, on their way from the control unit. */
export class SimplonFiles {
  readonly #options: FilesOptions;
  readonly #abort = new AbortController();
  readonly #made: string[] = [];
  #fetching: Promise<void> | null = null;
  #isSettled = false;
  #error: DiaError | null = null;
  #writtenFrames = 0;
  #writtenBytes = 0;

  constructor(options: FilesOptions) {
    this.#options = options;
    if (options.set.masterFile !== null) this.#made.push(options.set.masterFile);
  }

  /** Whether the series is over and its files were found. */
  get hasBegun(): boolean {
    return this.#fetching !== null;
  }

  /** Whether nothing more happens to them. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  get error(): DiaError | null {
    return this.#error;
  }

  /** Images counted in the files that were fetched; those asked for, when the files stay. */
  get writtenFrames(): number {
    return this.#writtenFrames;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get masterFile(): string | null {
    return this.#options.set.masterFile;
  }

  /** Begins when the files of the series are all there. */
  look(listed: readonly string[]): void {
    const found = this.#find(listed);
    const { frames, imagesPerFile } = this.#options.set;
    const dataFiles = imagesPerFile === 0 ? 0 : Math.ceil(frames / imagesPerFile);
    if (frames === 0 || found.master === null || found.data.length < dataFiles) return;
    this.#begin(found);
  }

  /** Begins with those that are there: no more will come. */
  takeWhatIsThere(listed: readonly string[]): void {
    this.#begin(this.#find(listed));
  }

  /** Ends it, and takes away what is not whole. The files on the control unit stay. */
  async giveUp(): Promise<void> {
    if (this.#isSettled) return;
    this.#abort.abort(new Error('the run was given up'));
    if (this.#fetching === null) await this.#clear();
    else await this.#fetching;
  }

  /** The files of the newest series among those that are new. */
  #find(listed: readonly string[]): Found {
    const { before, stem } = this.#options.set;
    const series = new Map<number, { master: string | null; data: string[] }>();
    for (const name of listed) {
      if (before.has(name) || !name.startsWith(`${stem}_`)) continue;
      const [, id, kind] = /^(\d+)_(master|data_\d+)\.h5$/.exec(name.slice(stem.length + 1)) ?? [];
      if (id === undefined) continue;
      const files = series.get(Number(id)) ?? { master: null, data: [] };
      series.set(Number(id), files);
      if (kind === 'master') files.master = name;
      else files.data.push(name);
    }
    return series.get(Math.max(...series.keys())) ?? { master: null, data: [] };
  }

  #begin(found: Found): void {
    this.#fetching ??= this.#take(found).catch(async (thrown: unknown) => {
      await this.#clear();
      if (!this.#abort.signal.aborted) this.#error = toDiaError(thrown);
      this.#isSettled = true;
    });
  }

  async #take({ master, data }: Found): Promise<void> {
    const { folder, frames, imagesPerFile, masterFile } = this.#options.set;
    if (folder === null || masterFile === null) {
      this.#writtenFrames = master === null ? 0 : frames;
    } else if (master === null) {
      await this.#clear();
    } else {
      // The master file last: who sees it finds all that it refers to.
      for (const name of [...data].sort()) {
        const path = join(folder, name);
        await this.#fetch(name, path, false);
        await this.#count(path);
      }
      await this.#fetch(master, masterFile, true);
      if (imagesPerFile === 0) await this.#count(masterFile);
    }
    this.#isSettled = true;
  }

  async #fetch(name: string, path: string, isReserved: boolean): Promise<void> {
    const { component, url, stallTimeoutMs } = this.#options;
    await download({
      component,
      url: `${url.replace(/\/+$/, '')}/data/${encodeURIComponent(name)}`,
      path,
      isReserved,
      stallTimeoutMs,
      signal: this.#abort.signal,
      onOpen: () => {
        if (!isReserved) this.#made.push(path);
      },
      onBytes: (count) => {
        this.#writtenBytes += count;
      },
    });
  }

  async #count(path: string): Promise<void> {
    const options = { signal: this.#abort.signal, timeoutMs: COUNT_TIMEOUT_MS };
    this.#writtenFrames += (await verifyInWorker(path, options)).framesWritten;
  }

  /** Only what this run made: a file that was there before it is not in the list. */
  async #clear(): Promise<void> {
    for (const path of this.#made) await rm(path, { force: true });
  }
}
