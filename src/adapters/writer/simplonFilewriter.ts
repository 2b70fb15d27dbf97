import { basename, dirname, join } from 'node:path';
import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import { InvalidRequestError } from '../../contracts/errors.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { Writer, WriterParameters, WriterReport } from '../../contracts/writer.js';
import { type Reservation, reserveFile } from '../../files/freeName.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { SimplonApi } from '../detector/simplon/simplonApi.js';
import { lookUntil } from '../transport/lookUntil.js';
import { timeBudget } from '../transport/timeBudget.js';
import { checkOutputFile, NO_STATISTICS, wrongState } from './remoteWriterChecks.js';
import { type FileSet, SimplonFiles } from './simplonFiles.js';

/** Options of the writer kind `simplon-filewriter`. */
export const simplonFilewriterOptions = Type.Object(
  {
    url: Type.String({
      description: "Where the detector's control unit serves SIMPLON: `http://host[:port]`.",
      pattern: '^https?://.+$',
    }),
    apiVersion: Type.Optional(
      Type.String({
        description: 'Version in the paths of the API; without it the control unit is asked.',
        pattern: '^\\d+\\.\\d+\\.\\d+$',
      }),
    ),
    files: Type.Union([Type.Literal('fetch'), Type.Literal('leave')], {
      description:
        '`fetch`: the files are copied to the folder of output_file when the series is over. `leave`: they stay on the control unit, and somebody else has to fetch them before its disk is full.',
      default: 'fetch',
    }),
    imagesPerFile: Type.Integer({
      description: 'Images in each data file. 0: all of them in the master file, which is then output_file.',
      default: 0,
      minimum: 0,
      maximum: 1_000_000,
    }),
    stallTimeoutMs: Type.Integer({
      description: 'Fetching ends when nothing comes for so long.',
      default: 30_000,
      minimum: 1,
    }),
  },
  { additionalProperties: false },
);

/** The control unit replaces `$id` by the number of the series. */
const PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const LOOK_EVERY_MS = 50;

/** What is known of a run; the control unit tells only of its files. */
interface Run {
  readonly files: SimplonFiles;
  isStopped: boolean;
}

/**
 * The file writer inside a DECTRIS control unit: it writes HDF5 files there, and they are fetched over HTTP when the
 * series is over. Names hold the number of the series, so that the control unit, which overwrites without asking,
 * never finds one taken.
 *
 * Frames are counted in the files that were fetched: the control unit counts none.
 *
 * Source: DECTRIS SIMPLON API reference 1.8, chapter "Filewriter module".
 */
export class SimplonFilewriterAdapter implements Writer {
  readonly #name: string;
  readonly #options: Static<typeof simplonFilewriterOptions>;
  readonly #api: SimplonApi;
  readonly address: string;
  readonly counts = 'afterwards';
  #parameters: WriterParameters | null = null;
  #run: Run | null = null;

  constructor({ name, options }: AdapterSettings<Static<typeof simplonFilewriterOptions>>) {
    this.#name = name;
    this.#options = options;
    this.address = options.url;
    const { url, apiVersion } = options;
    this.#api = new SimplonApi({ component: name, url, ...(apiVersion === undefined ? {} : { apiVersion }) });
  }

  connect(): Promise<void> {
    return this.#api.connect();
  }

  async disconnect(): Promise<void> {
    await this.#run?.files.giveUp();
    await this.#api.close();
  }

  async configure(parameters: WriterParameters, options: CallOptions): Promise<void> {
    checkOutputFile(this.#name, parameters.outputFile);
    this.#stemOf(parameters.outputFile);
    await this.#state(options);
    await this.#forget();
    this.#parameters = parameters;
  }

  async start(options: CallOptions): Promise<{ file: string | null }> {
    const parameters = this.#parameters;
    if (parameters === null) {
      throw wrongState(this.#name, 'start', { expected: 'configured', actual: 'not configured' });
    }
    await this.#forget();
    const bounds = timeBudget(options);
    const { imagesPerFile } = this.#options;
    const isFetched = this.#options.files === 'fetch';
    const reserved = isFetched ? await this.#reserve(parameters) : null;
    const file = reserved?.path ?? null;
    try {
      const stem = this.#stemOf(file ?? parameters.outputFile);
      const write = (key: string, value: string | number) =>
        this.#api.write({ module: 'filewriter', kind: 'config', key }, value, bounds());
      await write('name_pattern', `${stem}_$id`);
      await write('nimages_per_file', imagesPerFile);
      await write('mode', 'enabled');
      const set: FileSet = {
        stem,
        frames: parameters.frames,
        imagesPerFile,
        folder: isFetched ? dirname(parameters.outputFile) : null,
        masterFile: file,
        before: new Set(await this.#api.files(bounds())),
      };
      const { stallTimeoutMs, url } = this.#options;
      this.#run = {
        files: new SimplonFiles({ component: this.#name, url, stallTimeoutMs, set }),
        isStopped: false,
      };
    } catch (error) {
      await reserved?.giveBack();
      throw error;
    }
    await reserved?.keep();
    // A set of several files has no one file that could be opened and counted by itself.
    return { file: imagesPerFile === 0 ? file : null };
  }

  async stop(options: CallOptions): Promise<void> {
    const run = this.#run;
    if (run === null) {
      this.#parameters = null;
      return;
    }
    const bounds = timeBudget(options);
    const isOver = await lookUntil(async () => (await this.#state(bounds())) !== 'acquire', {
      ...options,
      everyMs: LOOK_EVERY_MS,
    });
    if (!isOver) {
      throw wrongState(this.#name, 'stop', { expected: 'a series that is over', actual: 'acquire' });
    }
    run.files.takeWhatIsThere(await this.#api.files(bounds()));
    await lookUntil(() => run.files.isSettled, { ...bounds(), everyMs: LOOK_EVERY_MS });
    run.isStopped = true;
  }

  async reset(_options: CallOptions): Promise<void> {
    await this.#forget();
    this.#parameters = null;
  }

  kill(options: CallOptions): Promise<void> {
    return this.reset(options);
  }

  async report(options: CallOptions): Promise<WriterReport> {
    const bounds = timeBudget(options);
    const state = await this.#state(bounds());
    const run = this.#run;
    const expectedFrames = this.#parameters?.frames ?? 0;
    if (run === null) {
      const status = this.#parameters === null ? 'stopped' : 'configured';
      return { status, file: null, error: null, statistics: { ...NO_STATISTICS, expectedFrames } };
    }
    const { files } = run;
    if (state !== 'acquire' && !files.isSettled) files.look(await this.#api.files(bounds()));
    const { error, writtenFrames, writtenBytes, masterFile } = files;
    const isComplete = files.isSettled && (expectedFrames === 0 || writtenFrames >= expectedFrames);
    const isBusy = state === 'acquire' || files.hasBegun;
    const status =
      state === 'error' || error !== null
        ? 'error'
        : isComplete
          ? 'finished'
          : run.isStopped || files.isSettled
            ? 'stopped'
            : isBusy
              ? 'writing'
              : 'receiving';
    const lostFrames = files.isSettled ? Math.max(0, expectedFrames - writtenFrames) : 0;
    const counts = { writtenFrames, writtenBytes, receivedFrames: writtenFrames, lostFrames, expectedFrames };
    return {
      status,
      file: masterFile,
      error: error?.message ?? (state === 'error' ? `the file writer of ${this.address} is in error` : null),
      statistics: { ...NO_STATISTICS, ...counts },
    };
  }

  async #state(options: CallOptions): Promise<string> {
    const { value } = await this.#api.read({ module: 'filewriter', kind: 'status', key: 'state' }, options);
    return String(value);
  }

  /** Reserves output_file, or the name of the master file that is fetched beside its data files. */
  #reserve({ outputFile, existingFile, userId }: WriterParameters): Promise<Reservation> {
    const ownerId = userId > 0 && process.getuid?.() === 0 ? userId : null;
    return reserveFile(outputFile, { rule: existingFile, ownerId });
  }

  #stemOf(outputFile: string): string {
    const stem = basename(outputFile, '.h5');
    if (PATTERN.test(stem)) return stem;
    throw new InvalidRequestError('invalid_path', `${this.#name} cannot name its files '${stem}'.`, {
      component: this.#name,
      operation: 'choose the name of the files',
      expected: 'letters, digits, _ . and -, the first a letter or digit, at most 100',
      actual: stem,
      hint: `Give output_file such a name; the control unit takes no others. It lies in ${join(dirname(outputFile), '/')}.`,
    });
  }

  async #forget(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    await run?.files.giveUp();
  }
}
