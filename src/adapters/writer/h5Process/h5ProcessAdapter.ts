import { mkdir } from 'node:fs/promises';
import { TimeIsUp, unlessAborted, withinBounds } from '../../../contracts/bounds.js';
import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError, ComponentSilentError } from '../../../contracts/errors.js';
import type { Writer, WriterParameters, WriterReport } from '../../../contracts/writer.js';
import { PROGRAM_FILES } from '../../../programFiles.js';
import type { AdapterSettings } from '../../adapterSettings.js';
import { checkLaunch, launchWriter } from './launchWriter.js';
import type { H5ProcessOptions } from './options.js';
import { RunNote } from './runRecord.js';
import { Standby } from './standby.js';
import { WriterProcess } from './writerProcess.js';
import { WriterRun } from './writerRun.js';

/**
 * A file writer that is a process of its own for each acquisition: PSI's C++ writer, or `dia writer`, which takes the
 * same arguments and speaks the same REST interface.
 *
 * The process outlives this controller; a note in the log folder, with the start time of the process so that a reused
 * pid is not taken for it, lets the next controller find it again. What the writers do in their several ways of ending
 * is told in docs/adapters/h5-process.md.
 */
export class H5ProcessAdapter implements Writer {
  readonly #name: string;
  readonly #options: H5ProcessOptions;
  readonly #note: RunNote;
  readonly #standby: Standby | null;
  #parameters: WriterParameters | null = null;
  #configured = false;
  /** The present or last run. */
  #run: WriterRun | null = null;
  /** Settles when the present or last start is done, or when nothing is left of it. */
  #starting: Promise<unknown> = Promise.resolve();
  readonly address: string;

  constructor({ name, options }: AdapterSettings<H5ProcessOptions>) {
    this.#name = name;
    this.#options = options;
    this.#note = new RunNote(options.logFolder, name);
    const { command, logFolder } = options;
    this.#standby =
      command === 'dia-writer' && options.userId !== 'real'
        ? new Standby({ program: PROGRAM_FILES.writer, logFolder, component: name })
        : null;
    this.address = `${options.command} (frames from ${options.streamAddress})`;
  }

  async connect(): Promise<void> {
    if (this.#run !== null) return;
    await mkdir(this.#options.logFolder, { recursive: true });
    const record = await this.#note.read();
    if (record === null) return;
    const { stopTimeoutMs } = this.#options;
    const process = WriterProcess.adopt(record);
    const run = new WriterRun({ component: this.#name, record, process, stopTimeoutMs });
    await run.rest.connect();
    this.#run = run;
  }

  async disconnect(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    await this.#standby?.close();
    await run?.close();
  }

  async configure(parameters: WriterParameters, options: CallOptions): Promise<void> {
    await this.#untilStarted('configure', options);
    if (await this.#run?.process.runs()) throw this.#wrongState('configure', 'an ended process');
    checkLaunch({ component: this.#name, options: this.#options, parameters });
    await this.#forget();
    this.#parameters = parameters;
    this.#configured = true;
    this.#standby?.prepare(1);
  }

  async start(options: CallOptions): Promise<{ file: string | null }> {
    await this.#untilStarted('start', options);
    const started = this.#start(options);
    this.#starting = started.catch(() => undefined);
    return await started;
  }

  async #start(options: CallOptions): Promise<{ file: string | null }> {
    const parameters = this.#parameters;
    if (parameters === null) throw this.#wrongState('start', 'configured');
    if (await this.#run?.process.runs()) throw this.#wrongState('start', 'an ended process');
    await this.#forget();
    this.#run = await launchWriter(
      {
        component: this.#name,
        options: this.#options,
        parameters,
        note: this.#note,
        standby: this.#standby,
      },
      options,
    );
    // For the next runs, while this one waits for its frames: one alone is not loaded yet when a run of few frames is over.
    this.#standby?.prepare(2);
    this.#configured = false;
    const { firstReport: report } = this.#run;
    if (report !== null) options.onState?.({ status: report.status, report });
    return { file: this.#run.record.file };
  }

  async stop(options: CallOptions): Promise<void> {
    await this.#untilStarted('stop', options);
    this.#configured = false;
    await this.#run?.end('stop', options);
  }

  async reset(options: CallOptions): Promise<void> {
    await this.stop(options);
    this.#parameters = null;
    await this.#forget();
  }

  async kill(options: CallOptions): Promise<void> {
    await this.#untilStarted('kill', options);
    this.#configured = false;
    await this.#run?.end('kill', options);
  }

  async report(options: CallOptions): Promise<WriterReport> {
    options.signal.throwIfAborted();
    if (this.#run !== null) return await this.#run.report(options);
    const none = { receivedFrames: 0, writtenFrames: 0, lostFrames: 0, duplicateFrames: 0 };
    const expectedFrames = this.#configured ? (this.#parameters?.frames ?? 0) : 0;
    return {
      status: this.#configured ? 'configured' : 'stopped',
      file: null,
      error: null,
      statistics: { ...none, expectedFrames, writtenBytes: 0, frameRateHz: 0 },
    };
  }

  async untilEnded(options: CallOptions): Promise<WriterReport> {
    return this.#run === null ? await this.report(options) : await this.#run.untilEnded(options);
  }

  /** A start that its caller has given up still has a process to end, a name to give back and a note to remove. */
  async #untilStarted(operation: string, options: CallOptions): Promise<void> {
    try {
      await withinBounds(options, (signal) => unlessAborted(this.#starting, signal));
    } catch (error) {
      if (!(error instanceof TimeIsUp)) throw error;
      const text = `${this.#name} cannot ${operation}: its start was given up, and does not end.`;
      throw new ComponentSilentError('component_timeout', text, {
        component: this.#name,
        operation,
        expected: `the end of the start within ${options.timeoutMs} ms`,
        actual: 'it still goes on',
        hint: 'It hangs in the system, most likely in a disk that does not answer.',
        cause: error,
      });
    }
  }

  async #forget(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    await run?.close();
    await this.#note.remove();
  }

  #wrongState(operation: string, expected: string): ComponentFailedError {
    const actual = this.#run === null ? 'not configured' : `process ${this.#run.record.pid} still runs`;
    return new ComponentFailedError(
      'component_wrong_state',
      `${this.#name} cannot ${operation}: ${actual}, expected ${expected}.`,
      {
        component: this.#name,
        operation,
        expected,
        actual,
        hint: 'Reset, so that the controller and the writer agree again.',
      },
    );
  }
}
