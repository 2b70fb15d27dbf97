import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError, ComponentSilentError } from '../../contracts/errors.js';
import type { JsonObject } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { Writer, WriterParameters, WriterReport } from '../../contracts/writer.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { isJsonObject } from '../transport/jsonObject.js';
import { lookUntil } from '../transport/lookUntil.js';
import { OdinControl, type RequestOptions } from '../transport/odinControl.js';
import { timeBudget } from '../transport/timeBudget.js';
import { NamesForOthers } from './nameForOthers.js';
import { configurationDifferences, type FileWriterStatus, readFileWriterStatus } from './odinDataStatus.js';
import { badAnswer, checkOutputFile, NO_STATISTICS, refused, wrongState } from './remoteWriterChecks.js';

/** Options of the writer kind `odin-data`. */
export const odinDataOptions = Type.Object(
  {
    endpoint: Type.String({
      description: "ZeroMQ endpoint of the FrameProcessor's control port, `tcp://host:5004`.",
      pattern: '^(tcp|ipc)://.+$',
    }),
    plugin: Type.String({
      description: 'Index under which the FileWriterPlugin is loaded.',
      pattern: '^[A-Za-z0-9_]+$',
      default: 'hdf',
    }),
    version: Type.String({
      description:
        'Version of odin-data, `1.11` for example: from 1.11 on commands start and stop it, before that a parameter did. `auto` asks it.',
      pattern: '^(auto|\\d+\\.\\d+(\\.\\d+)?)$',
      default: 'auto',
    }),
    dataset: Type.Unsafe<JsonObject>({
      type: 'object',
      description:
        'Datasets to configure with each acquisition, `{data: {datatype, dims, chunks, compression}}`. Empty: as the process was started.',
      default: {},
    }),
    sharedDisk: Type.Boolean({
      description:
        "Whether the FrameProcessor's files are seen under the same path from here. Then folders are made and the rule for existing files is applied; otherwise it overwrites.",
      default: true,
    }),
  },
  { additionalProperties: false },
);

const COMMANDS_SINCE = [1, 11] as const;
const LOOK_EVERY_MS = 10;

/**
 * odin-data's FrameProcessor as the writer, controlled by its JSON messages over ZeroMQ. It takes frames from its
 * FrameReceiver; this adapter sets file, frame count and acquisition id, starts, watches and stops the file writer.
 */
export class OdinDataAdapter implements Writer {
  readonly #name: string;
  readonly #names: NamesForOthers;
  readonly #options: Static<typeof odinDataOptions>;
  readonly #control: OdinControl;
  #parameters: WriterParameters | null = null;
  /** The file that it has been told, and has not been started with. */
  #next: string | null = null;
  /** The file it was started with. */
  #file: string | null = null;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof odinDataOptions>>) {
    this.#name = name;
    this.#options = options;
    this.#names = new NamesForOthers(options.sharedDisk);
    this.address = options.endpoint;
    this.#control = new OdinControl({ component: name, endpoint: options.endpoint });
  }

  connect(): Promise<void> {
    return this.#control.connect();
  }

  disconnect(): Promise<void> {
    return this.#control.close();
  }

  async configure(parameters: WriterParameters, options: CallOptions): Promise<void> {
    checkOutputFile(this.#name, parameters.outputFile);
    const budget = timeBudget(options);
    if ((await this.#status(budget())).writing) {
      throw wrongState(this.#name, 'configure', { expected: 'stopped', actual: 'writing' });
    }
    this.#next = await this.#apply(parameters, budget());
    this.#parameters = parameters;
    this.#file = null;
  }

  async start(options: CallOptions): Promise<{ file: string | null }> {
    const parameters = this.#parameters;
    if (parameters === null) {
      throw wrongState(this.#name, 'start', { expected: 'configured', actual: 'not configured' });
    }
    const budget = timeBudget(options);
    // A start uses the configuration up.
    const file = this.#next ?? (await this.#apply(parameters, budget()));
    await this.#write(true, budget());
    this.#next = null;
    this.#file = file;
    const hasBegun = async () => {
      const { writing, acquisitionId } = await this.#status(budget());
      return writing || acquisitionId === parameters.acquisitionId;
    };
    if (await lookUntil(hasBegun, { ...budget(0.5), everyMs: LOOK_EVERY_MS })) {
      await this.#names.keep();
      return { file };
    }
    const { errors } = await this.#status(budget());
    throw refused(this.#name, 'start', errors.join('; ') || 'it acknowledged, and does not write');
  }

  async stop(options: CallOptions): Promise<void> {
    const budget = timeBudget(options);
    this.#next = null;
    if (!(await this.#status(budget())).writing) {
      await this.#names.giveBack();
      return;
    }
    await this.#names.keep();
    await this.#write(false, budget());
    const hasEnded = async () => !(await this.#status(budget())).writing;
    if (await lookUntil(hasEnded, { ...budget(0.8), everyMs: LOOK_EVERY_MS })) return;
    throw refused(this.#name, 'stop', 'it acknowledged, and goes on writing');
  }

  async reset(options: CallOptions): Promise<void> {
    const budget = timeBudget(options);
    await this.stop(budget(0.8));
    await this.#control.request('configure', { clear_errors: true }, budget());
    this.#parameters = null;
    this.#file = null;
  }

  /** Stops the file; the process stays, because nobody would start it again. */
  kill(options: CallOptions): Promise<void> {
    return this.stop(options);
  }

  async report(options: CallOptions): Promise<WriterReport> {
    const status = await this.#status(options);
    const { writing, errors, file } = status;
    const error = errors.length > 0 ? errors.join('; ') : null;
    // Without a run of ours its counts are those of somebody's last run; one that goes on is ours from before.
    const isOurs = this.#file !== null || writing;
    const statistics = isOurs ? await this.#statistics(status) : this.#nothingCounted();
    return {
      status: error !== null ? 'error' : this.#wordFor(status),
      file: this.#file ?? (writing ? file : null),
      statistics,
      error,
    };
  }

  #wordFor({ writing, framesMax, framesWritten, framesProcessed }: FileWriterStatus): WriterReport['status'] {
    if (writing) return framesWritten > 0 ? 'writing' : 'receiving';
    if (this.#file === null) return this.#next === null ? 'stopped' : 'configured';
    return framesMax > 0 && Math.min(framesWritten, framesProcessed) >= framesMax ? 'finished' : 'stopped';
  }

  async #statistics(status: FileWriterStatus): Promise<WriterReport['statistics']> {
    const { writing, framesMax, framesWritten, framesProcessed, file } = status;
    const written = Math.min(framesWritten, framesProcessed);
    const path = this.#file ?? file;
    return {
      ...NO_STATISTICS,
      receivedFrames: framesProcessed,
      writtenFrames: written,
      lostFrames: !writing && framesMax > 0 ? framesMax - written : framesWritten - written,
      duplicateFrames: Math.max(0, framesProcessed - framesWritten),
      expectedFrames: framesMax,
      writtenBytes: this.#options.sharedDisk && written > 0 && path !== null ? await sizeOf(path) : 0,
    };
  }

  #nothingCounted(): WriterReport['statistics'] {
    return { ...NO_STATISTICS, expectedFrames: this.#next === null ? 0 : (this.#parameters?.frames ?? 0) };
  }

  async #apply(parameters: WriterParameters, options: CallOptions): Promise<string> {
    options.signal.throwIfAborted();
    const file = await this.#names.choose(parameters);
    try {
      await this.#applyFile(file, parameters, options);
      return file;
    } catch (error) {
      await this.#names.giveBack();
      throw error;
    }
  }

  /** Tells it the file, and reads back what it made of that: it keeps some values without a word. */
  async #applyFile(file: string, parameters: WriterParameters, options: CallOptions): Promise<void> {
    const { plugin, dataset } = this.#options;
    const prefix = basename(file, '.h5');
    const wanted = {
      // Up to 1.10 the name is `name`, later `prefix`; what a version does not know it ignores.
      file: { path: dirname(file), prefix, name: prefix, use_numbers: false, postfix: '', extension: 'h5' },
      frames: parameters.frames,
      acquisition_id: parameters.acquisitionId,
    };
    const budget = timeBudget(options);
    const withDataset = Object.keys(dataset).length === 0 ? wanted : { ...wanted, dataset };
    await this.#tell('configure', { [plugin]: withDataset }, budget());
    const found = await this.#control.request('request_configuration', {}, budget());
    const differences = configurationDifferences(wanted, found[plugin]);
    if (differences.length === 0) return;
    throw refused(
      this.#name,
      'configure',
      `it acknowledged, but ${differences.join(', ')}${parameters.frames === 0 ? ' (it keeps an earlier frame count: start and stop it once)' : ''}`,
    );
  }

  async #write(on: boolean, options: CallOptions): Promise<void> {
    const { plugin } = this.#options;
    const budget = timeBudget(options);
    const version = await this.#version(budget(0.5));
    const last = () => ({ ...budget(), mayRepeat: !on });
    if (atLeast(version, COMMANDS_SINCE)) {
      await this.#tell('execute', { [plugin]: { command: on ? 'start_writing' : 'stop_writing' } }, last());
    } else {
      await this.#tell('configure', { [plugin]: { write: on } }, last());
    }
  }

  /** Some errors get no reply: when it still answers other questions, silence was a no. */
  async #tell(command: string, params: JsonObject, options: RequestOptions): Promise<void> {
    const budget = timeBudget(options);
    try {
      await this.#control.request(command, params, { ...options, ...budget(0.5) });
    } catch (error) {
      if (!(error instanceof ComponentSilentError) || error.code !== 'component_timeout') throw error;
      const status = await this.#status(budget()).catch(() => null);
      if (status === null) throw error;
      const why = status.errors.join('; ') || 'it did not reply, which is how it rejects some messages';
      throw refused(this.#name, command, why);
    }
  }

  async #version(options: CallOptions): Promise<string> {
    if (this.#options.version !== 'auto') return this.#options.version;
    try {
      const { version } = await this.#control.request('request_version', {}, options);
      const own = isJsonObject(version) ? version['odin-data'] : undefined;
      if (isJsonObject(own)) return `${own.major}.${own.minor}`;
    } catch (error) {
      if (!(error instanceof ComponentFailedError)) throw error;
    }
    // Too old to know the question.
    return '0.0';
  }

  async #status(options: CallOptions): Promise<FileWriterStatus> {
    const params = await this.#control.request('status', {}, options);
    const status = readFileWriterStatus(params, this.#options.plugin);
    if (status !== null) return status;
    throw badAnswer({ component: this.#name, address: this.address }, 'report its status', {
      expected: `a loaded FileWriterPlugin '${this.#options.plugin}'`,
      answer: params,
    });
  }
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
