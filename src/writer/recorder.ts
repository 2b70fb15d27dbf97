import {
  ComponentFailedError,
  type DiaError,
  InvalidRequestError,
  toDiaError,
  WrongStateError,
} from '../contracts/errors.js';
import type { Section } from '../contracts/json.js';
import type { ExistingFile, WriterStatus } from '../contracts/writer.js';
import type { Reservation } from '../files/freeName.js';
import { hdf5Cause } from '../files/hdf5.js';
import { Acquisition } from './acquisition.js';
import type { CompressionName } from './compression/compressions.js';
import type { Decoder } from './decoders/decoder.js';
import type { Dialect } from './decoders/dialects.js';
import { FileIdentity } from './fileIdentity.js';
import type {
  AcquisitionDescription,
  DetectorFacts,
  FileFormat,
  FrameFile,
  ParameterRule,
  ParameterValue,
} from './formats/format.js';
import type { LayoutName } from './formats/layouts.js';
import type { WriterLog } from './log.js';
import { type FrameStream, splitAddresses } from './streams/frameStream.js';

/** Longest time until a publisher has taken our subscription. */
const CONNECT_TIMEOUT_MS = 5000;

/** What the next acquisition needs. */
export interface RecorderParameters {
  /** Absolute path. */
  readonly outputFile: string;
  /** 0: until stopped. */
  readonly framesExpected: number;
  readonly userId: number;
  readonly existingFile: ExistingFile;
  /** ZeroMQ addresses, separated by commas. */
  readonly streamAddress: string;
  /** Kind of the frame stream. */
  readonly dialect: Dialect;
  /** Layout of the file. */
  readonly format: LayoutName;
  /** What becomes of frames that come plain. */
  readonly compression: CompressionName;
  readonly detector: DetectorFacts;
  readonly acquisition: Readonly<Record<string, Section>>;
  readonly acquisitionId: string;
  /** Parameters of the format; others are ignored. */
  readonly extra: Section;
}

/** What a recorder works with. */
export interface RecorderParts {
  readonly formatFor: (parameters: RecorderParameters) => Promise<FileFormat>;
  /** The parameters that a format takes. */
  readonly parametersOf: (name: LayoutName) => ParameterRule;
  /** Before anything is configured. */
  readonly defaultFormat: LayoutName;
  readonly createDecoder: (dialect: Dialect, streams: number) => Promise<Decoder>;
  readonly openStream: (dialect: Dialect, addresses: readonly string[]) => FrameStream;
  /** Lets go of the stream that is kept for the next acquisition. */
  readonly closeStreams: () => void;
  /** Reserves the output file. */
  readonly reserve: (parameters: RecorderParameters) => Promise<Reservation>;
  readonly log: WriterLog;
}

/** Everything a recorder knows of itself. */
export interface RecorderReport {
  readonly status: WriterStatus;
  readonly file: string | null;
  readonly error: DiaError | null;
  readonly receivedFrames: number;
  readonly writtenFrames: number;
  readonly lostFrames: number;
  readonly expectedFrames: number;
  readonly duplicateFrames: number;
  readonly badMessages: number;
  readonly foreignMessages: number;
  readonly outsideFrames: number;
  readonly incompleteFrames: number;
  readonly writtenBytes: number;
  readonly frameRateHz: number;
}

/**
 * Takes acquisitions, one after the other:
 *
 * | status | is left by |
 * |---|---|
 * | stopped | configure; start, when it was configured before |
 * | configured | start, stop, reset |
 * | receiving: waits for the first frame | a frame, stop, reset, kill |
 * | writing | the last frame, stop, reset, kill |
 * | finished: all frames written, file closed | configure, start, reset |
 * | error: the disk failed, or the start did | configure, start, reset |
 */
export class Recorder {
  readonly #parts: RecorderParts;
  #idleStatus: 'stopped' | 'configured' | 'error' = 'stopped';
  #parameters: RecorderParameters | null = null;
  #acquisition: Acquisition | null = null;
  #frameFile: FrameFile | null = null;
  #file: string | null = null;
  #startError: DiaError | null = null;
  #ended: Promise<void> = Promise.resolve();
  #queue: Promise<unknown> = Promise.resolve();
  readonly #formatParameters = new Map<string, ParameterValue>();
  #giveUp: AbortController | null = null;
  #beginning: Promise<unknown> = Promise.resolve();

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  get status(): WriterStatus {
    const acquisition = this.#acquisition;
    if (acquisition === null) return this.#idleStatus;
    return acquisition.outcome ?? (acquisition.placement.written > 0 ? 'writing' : 'receiving');
  }

  /** Whether an acquisition goes on. */
  get isBusy(): boolean {
    return this.#acquisition !== null && this.#acquisition.outcome === null;
  }

  report(): RecorderReport {
    const acquisition = this.#acquisition;
    const placement = acquisition?.placement;
    const counts = acquisition?.counts;
    return {
      status: this.status,
      file: this.#file,
      error: acquisition?.error ?? this.#startError,
      receivedFrames: counts?.receivedFrames ?? 0,
      writtenFrames: acquisition?.framesWritten ?? 0,
      lostFrames: acquisition?.framesLost ?? 0,
      expectedFrames: this.#parameters?.framesExpected ?? placement?.expected ?? 0,
      duplicateFrames: counts?.duplicateFrames ?? 0,
      badMessages: counts?.badMessages ?? 0,
      foreignMessages: counts?.foreignMessages ?? 0,
      outsideFrames: counts?.outsideFrames ?? 0,
      incompleteFrames: counts?.incompleteFrames ?? 0,
      writtenBytes: acquisition?.bytesWritten ?? 0,
      frameRateHz: acquisition?.frameRateHz ?? 0,
    };
  }

  /** @throws WrongStateError `wrong_state` while an acquisition goes on. */
  configure(parameters: RecorderParameters): Promise<void> {
    return this.#inTurn(async () => {
      if (this.isBusy) throw this.#wrongState('configure');
      this.#forget();
      this.#parameters = parameters;
      this.#idleStatus = 'configured';
      this.#formatParameters.clear();
      const rule = this.#parts.parametersOf(parameters.format);
      for (const [name, value] of Object.entries(parameters.extra)) {
        if (rule.accepts(name, value)) this.#formatParameters.set(name, value);
      }
    });
  }

  /**
   * Sets parameters of the format, all or none.
   *
   * @throws InvalidRequestError `unknown_parameter`; WrongStateError after the first frame.
   */
  setParameters(values: Section): void {
    const rule = this.#parts.parametersOf(this.#parameters?.format ?? this.#parts.defaultFormat);
    const entries: [string, ParameterValue][] = [];
    for (const [name, value] of Object.entries(values)) {
      if (rule.accepts(name, value)) {
        entries.push([name, value]);
        continue;
      }
      throw new InvalidRequestError(
        'unknown_parameter',
        `The format has no parameter '${name}' with such a value.`,
        {
          component: 'writer',
          operation: 'set parameters',
          expected: rule.expected,
          actual: { [name]: value },
          hint: 'Nothing was changed. output_file, n_frames and user_id are not parameters of the format.',
        },
      );
    }
    if (entries.length > 0 && this.status === 'writing') throw this.#wrongState('set parameters');
    for (const [name, value] of entries) {
      this.#formatParameters.set(name, value);
      if (this.isBusy) this.#frameFile?.setParameter(name, value);
    }
  }

  /**
   * Reserves the file and connects to the stream: afterwards frames are received.
   *
   * @returns The file really written.
   */
  start(): Promise<string> {
    return this.#inTurn(async () => {
      const parameters = this.#parameters;
      if (parameters === null || this.isBusy) throw this.#wrongState('start');
      this.#forget();
      try {
        const begun = this.#begin(parameters);
        this.#beginning = begun;
        return await begun;
      } catch (error) {
        this.#startError = toDiaError(error);
        this.#idleStatus = 'error';
        throw this.#startError;
      }
    });
  }

  /** Ends the acquisition with the frames so far, file closed. Nothing happens when none goes on. */
  stop(): Promise<void> {
    this.#interrupt('stop');
    return this.#inTurn(async () => {
      if (this.#acquisition === null && this.#idleStatus === 'configured') this.#idleStatus = 'stopped';
      if (this.isBusy) await this.#acquisition?.stop();
    });
  }

  /** As `stop`, without taking the frames that wait to be written. */
  kill(): Promise<void> {
    this.#interrupt('kill');
    return this.#inTurn(async () => {
      if (this.isBusy) await this.#acquisition?.kill();
      if (this.#idleStatus === 'configured') this.#idleStatus = 'stopped';
    });
  }

  /** Ends the acquisition, and forgets it and its parameters. */
  reset(): Promise<void> {
    this.#interrupt('reset');
    return this.#inTurn(async () => {
      if (this.isBusy) await this.#acquisition?.stop();
      this.#parts.closeStreams();
      this.#forget();
      this.#parameters = null;
      this.#idleStatus = 'stopped';
    });
  }

  /** Resolves when the acquisition under way has ended and its file is closed; at once when none goes on. */
  ended(): Promise<void> {
    return this.#ended;
  }

  /** Ends the acquisition, and lets go of everything; also of the file of one that has failed, once that is closed. */
  async close(): Promise<void> {
    await this.stop();
    await this.#ended;
    this.#parts.closeStreams();
  }

  /**
   * Resolves when the start under way is done, or has failed; at once when none is. A program that has just been started may be
   * too busy with it to answer twice.
   */
  async started(): Promise<void> {
    await this.#beginning.catch(() => undefined);
  }

  async #begin(parameters: RecorderParameters): Promise<string> {
    const { log } = this.#parts;
    const addresses = splitAddresses(parameters.streamAddress);
    const stream = this.#parts.openStream(parameters.dialect, addresses);
    let reserved: Reservation | null = null;
    try {
      await this.#connect(stream);
      reserved = await this.#parts.reserve(parameters);
      const { path } = reserved;
      const format = await this.#parts.formatFor(parameters);
      const description: AcquisitionDescription = { ...parameters, startedAt: new Date() };
      const file = this.#prepare(createFile(format, { path, description }));
      const identity = new FileIdentity(path);
      const createAgain = () => {
        identity.require();
        return this.#prepare(format.create(path, description));
      };
      this.#file = path;
      const { framesExpected } = parameters;
      const decoder = await this.#parts.createDecoder(parameters.dialect, addresses.length);
      const made = { file, identity, createAgain };
      const acquisition = new Acquisition({ stream, decoder, ...made, framesExpected, log });
      this.#acquisition = acquisition;
      log.info(
        `receiving ${framesExpected === 0 ? 'until stopped' : `${framesExpected} frames`} into ${path}`,
      );
      this.#ended = acquisition.run().then(() => {
        const { outcome, framesWritten, framesLost } = acquisition;
        log.info(`${outcome}: ${framesWritten} frames in ${path}, ${framesLost} lost`);
      });
      await reserved.keep();
      return path;
    } catch (error) {
      stream.close();
      await reserved?.giveBack().catch((cause: Error) => log.error(`${reserved?.path}: ${cause.message}`));
      throw error;
    }
  }

  /** Bounded, and given up at once by a stop, reset or kill. */
  async #connect(stream: FrameStream): Promise<void> {
    const givenUp = new AbortController();
    this.#giveUp = givenUp;
    try {
      await stream.connected({ timeoutMs: CONNECT_TIMEOUT_MS, signal: givenUp.signal });
    } finally {
      this.#giveUp = null;
    }
  }

  #interrupt(operation: string): void {
    this.#giveUp?.abort(
      new WrongStateError('preempted', `The start of the writer was given up for a ${operation}.`, {
        component: 'writer',
        operation: 'connect to the frame stream',
        hint: 'Start it again.',
      }),
    );
  }

  #prepare(file: FrameFile): FrameFile {
    for (const [name, value] of this.#formatParameters) file.setParameter(name, value);
    this.#frameFile = file;
    return file;
  }

  #forget(): void {
    this.#acquisition = null;
    this.#frameFile = null;
    this.#file = null;
    this.#startError = null;
  }

  #wrongState(operation: string): WrongStateError {
    const configured = this.#parameters === null ? ', and nothing is configured' : '';
    return new WrongStateError(
      'wrong_state',
      `Cannot ${operation}: the writer is ${this.status}${configured}.`,
      {
        component: 'writer',
        operation,
        actual: this.status,
        hint: this.isBusy ? 'Stop the acquisition first.' : 'Configure the writer first.',
      },
    );
  }

  /** One command after the other, in order of arrival. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}

interface NewFile {
  readonly path: string;
  readonly description: AcquisitionDescription;
}

/** Creates the file under its reserved name. */
function createFile(format: FileFormat, { path, description }: NewFile): FrameFile {
  try {
    return format.create(path, description);
  } catch (error) {
    const cause = hdf5Cause(error);
    throw new ComponentFailedError('component_failed', `Cannot create ${path}: ${cause}.`, {
      component: 'writer',
      operation: 'create the output file',
      expected: 'a disk that takes the file',
      actual: cause,
      hint: 'Check the disk: its free space, its quota, and whether it is still mounted.',
      cause: error,
    });
  }
}
