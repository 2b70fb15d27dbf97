import { readFile, stat } from 'node:fs/promises';
import { TimeIsUp, unlessAborted, withinBounds } from '../../../contracts/bounds.js';
import type { CallOptions } from '../../../contracts/component.js';
import { ComponentSilentError } from '../../../contracts/errors.js';
import type { WriterReport, WriterStatistics } from '../../../contracts/writer.js';
import { releaseFile } from '../../../files/freeName.js';
import type { FileFacts } from '../../../files/verifyFile.js';
import { verifyInWorker } from '../../../files/verifyInWorker.js';
import { lookUntil } from '../../transport/lookUntil.js';
import type { RunRecord } from './runRecord.js';
import type { WriterProcess } from './writerProcess.js';
import { WriterRest, type WriterWords } from './writerRest.js';

/** A C++ writer that ends without a frame leaves so many bytes, which no HDF5 library can read. */
const LARGEST_EMPTY_FILE_BYTES = 96;
const COUNT_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 2;
/** The port of a writer closes a little before its process is gone. */
const CLOSING_MS = 500;
const LOG_TAIL_CHARACTERS = 600;

const NOTHING: WriterStatistics = {
  receivedFrames: 0,
  writtenFrames: 0,
  lostFrames: 0,
  duplicateFrames: 0,
  expectedFrames: 0,
  writtenBytes: 0,
  frameRateHz: 0,
};

export interface RunParts {
  readonly component: string;
  readonly record: RunRecord;
  readonly process: WriterProcess;
  readonly stopTimeoutMs: number;
}

/** One run of a writer process, from its start to the judgement on its file. */
export class WriterRun {
  readonly record: RunRecord;
  readonly process: WriterProcess;
  readonly rest: WriterRest;
  readonly #parts: RunParts;
  readonly #closing = new AbortController();
  #last: WriterStatistics;
  #firstFrame: { atMs: number; frames: number } | null = null;
  #stopRequested = false;
  #judgement: Promise<WriterReport> | null = null;
  #firstReport: WriterReport | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.record = parts.record;
    this.process = parts.process;
    this.rest = new WriterRest(parts.component, parts.record.restPort);
    this.#last = { ...NOTHING, expectedFrames: parts.record.frames };
  }

  /** Lets go of the connections; the process goes on. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('The adapter was disconnected.'));
    await this.rest.close();
  }

  /** What it said when it answered for the first time; null before, and when it had ended by then. */
  get firstReport(): WriterReport | null {
    return this.#firstReport;
  }

  /** Asks for the first time. */
  async askFirst(options: CallOptions): Promise<void> {
    this.#firstReport = await this.#living(await this.rest.ask(options));
  }

  /**
   * What the process says; once it has ended, what it said last, completed by counting the frames of its file. It is
   * `stopped` then: neither its words nor its exit code tell whether the file is complete.
   */
  async report(options: CallOptions): Promise<WriterReport> {
    if (await this.process.runs()) {
      try {
        return await this.#living(await this.rest.ask(options));
      } catch (error) {
        if (!(error instanceof ComponentSilentError) || error.code !== 'component_unreachable') throw error;
        const bounds = { signal: options.signal, timeoutMs: Math.min(CLOSING_MS, options.timeoutMs) };
        if (!(await this.#ended(bounds))) throw error;
      }
    }
    return await this.#ending(options);
  }

  /** What is to be said of it once its process has ended; for one that is not our child, the system does not tell when. */
  async untilEnded(options: CallOptions): Promise<WriterReport> {
    const { exited } = this.process;
    if (exited === null) throw new Error('The process was started by another controller.');
    await unlessAborted(exited, options.signal);
    for (;;) {
      const report = await this.report(options);
      // While its file is still being read, it is where it was before.
      if (report.status !== 'receiving' && report.status !== 'writing') return report;
    }
  }

  /**
   * Ends it: asks first, then SIGTERM, then SIGKILL, each for a time; answers when the file has been looked at. Nothing
   * happens when it has ended already.
   *
   * @throws ComponentSilentError `component_timeout` when even SIGKILL does not end it: it hangs in the disk.
   */
  async end(how: 'stop' | 'kill', options: CallOptions): Promise<void> {
    if (!(await this.process.runs())) return;
    this.#stopRequested = true;
    const { signal, timeoutMs } = options;
    const share = (part: number, atMost: number) => Math.max(1, Math.min(atMost, timeoutMs * part));
    const politeMs = share(0.5, how === 'kill' ? 1_000 : this.#parts.stopTimeoutMs);
    await this.rest.end(how, { signal, timeoutMs: politeMs }).catch(() => signal.throwIfAborted());
    if (await this.#ended({ signal, timeoutMs: politeMs })) return await this.#settle(options);
    if (how === 'stop') {
      await this.process.signal('SIGTERM');
      if (await this.#ended({ signal, timeoutMs: share(0.2, 2_000) })) return await this.#settle(options);
    }
    await this.process.signal('SIGKILL');
    if (await this.#ended({ signal, timeoutMs: share(0.2, 2_000) })) return await this.#settle(options);
    const { component } = this.#parts;
    const { pid, log } = this.record;
    throw new ComponentSilentError(
      'component_timeout',
      `${component} (process ${pid}) does not end, not even by SIGKILL.`,
      {
        component,
        operation: how,
        expected: 'the end of the process',
        actual: `process ${pid} still runs`,
        hint: `It hangs in the system, most likely in a disk that does not answer. Its log is ${log}.`,
      },
    );
  }

  /** Whether it ends in time. */
  async #ended(bounds: CallOptions): Promise<boolean> {
    const { exited } = this.process;
    if (exited === null)
      return lookUntil(async () => !(await this.process.runs()), { ...bounds, everyMs: LOOK_EVERY_MS });
    try {
      await withinBounds(bounds, (signal) => unlessAborted(exited, signal));
      return true;
    } catch (error) {
      if (error instanceof TimeIsUp) return false;
      throw error;
    }
  }

  async #settle(options: CallOptions): Promise<void> {
    await this.#ending(options);
  }

  async #living({ status, message, statistics }: WriterWords): Promise<WriterReport> {
    const nowMs = performance.now();
    if (statistics.writtenFrames > 0) this.#firstFrame ??= { atMs: nowMs, frames: statistics.writtenFrames };
    this.#last = {
      ...statistics,
      expectedFrames: this.record.frames,
      writtenBytes: statistics.writtenBytes ?? (statistics.writtenFrames > 0 ? await this.#fileSize() : 0),
      frameRateHz: statistics.frameRateHz ?? this.#rate(nowMs, statistics.writtenFrames),
    };
    const { file } = this.record;
    if (status === 'error') {
      return { status: 'error', file, statistics: this.#last, error: message ?? (await this.#logTail()) };
    }
    // `receiving` is all that some say, also while they write; `finished` only counts once the process is gone.
    const writing = statistics.writtenFrames > 0 ? 'writing' : 'receiving';
    return { status: writing, file, statistics: this.#last, error: null };
  }

  /** The judgement; while the file is still being read, the last that was known. */
  async #ending({ signal, timeoutMs }: CallOptions): Promise<WriterReport> {
    this.#judgement ??= this.#judge();
    let timer: NodeJS.Timeout | undefined;
    let onAbort = () => {};
    const interim = new Promise<WriterReport>((resolve, reject) => {
      const { writtenFrames } = this.#last;
      const status = writtenFrames > 0 ? ('writing' as const) : ('receiving' as const);
      const report = { status, file: this.record.file, statistics: this.#last, error: null };
      timer = setTimeout(() => resolve(report), timeoutMs * 0.8);
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      signal.throwIfAborted();
      return await Promise.race([this.#judgement, interim]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #judge(): Promise<WriterReport> {
    const { file, frames } = this.record;
    const facts = await this.#count();
    const size = await this.#fileSize();
    const writtenFrames = facts === null ? this.#uncounted() : this.#counted(facts);
    const statistics = {
      ...this.#last,
      writtenFrames,
      receivedFrames: Math.max(this.#last.receivedFrames, writtenFrames),
      lostFrames: frames > 0 ? Math.max(0, frames - writtenFrames) : this.#last.lostFrames,
      writtenBytes: this.#last.writtenFrames === writtenFrames ? this.#last.writtenBytes : size,
    };
    const wrong = this.#whatIsWrong(facts, frames > 0 && writtenFrames >= frames);
    if (wrong !== null && size > LARGEST_EMPTY_FILE_BYTES) {
      return { status: 'error', file, statistics, error: `${wrong} ${await this.#logTail()}`.trim() };
    }
    if (wrong !== null && !this.#stopRequested && this.process.exit !== 'unknown') {
      return { status: 'error', file: null, statistics, error: `${wrong} ${await this.#logTail()}`.trim() };
    }
    if (facts !== null || size > LARGEST_EMPTY_FILE_BYTES || this.#isNowhere) {
      return { status: 'stopped', file, statistics, error: null };
    }
    // Nothing but the remains of a file that never had a frame: the name is free again.
    await releaseFile(file);
    return { status: 'stopped', file: null, statistics, error: null };
  }

  /** In a sentence; null when it ended as it should. */
  #whatIsWrong(facts: FileFacts | null, complete: boolean): string | null {
    if (complete) return null;
    const { exit } = this.process;
    const unreadable = facts === null && !this.#isNowhere ? 'left no file that can be read' : null;
    if (this.#stopRequested) return null;
    const { pid } = this.record;
    if (exit !== null && exit !== 'unknown' && exit.code !== 0) {
      const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
      return `The process ${pid} ended ${how} before all frames were written.`;
    }
    return unreadable === null ? null : `The process ${pid} ended and ${unreadable}.`;
  }

  /** Nothing is kept of this run, so nothing can be counted. */
  get #isNowhere(): boolean {
    return this.record.file === '/dev/null';
  }

  async #count(): Promise<FileFacts | null> {
    const options = { signal: this.#closing.signal, timeoutMs: COUNT_TIMEOUT_MS };
    return await verifyInWorker(this.record.file, options).catch(() => null);
  }

  /**
   * The frames of a run without a readable file. Of one that keeps nothing the last ones may never have been seen: who
   * ends by itself, and well, has had all of them.
   */
  #uncounted(): number {
    const { exit } = this.process;
    const endedWell = !this.#stopRequested && exit !== null && exit !== 'unknown' && exit.code === 0;
    return this.#isNowhere && endedWell
      ? Math.max(this.#last.writtenFrames, this.record.frames)
      : this.#last.writtenFrames;
  }

  /** Layouts that are not ours do not mark the gaps between frames. */
  #counted({ layout, framesWritten }: FileFacts): number {
    if (layout !== 'generic') return framesWritten;
    return Math.max(this.#last.writtenFrames, framesWritten - this.#last.lostFrames);
  }

  #rate(nowMs: number, frames: number): number {
    const first = this.#firstFrame;
    if (first === null || nowMs <= first.atMs || frames <= first.frames) return this.#last.frameRateHz;
    return ((frames - first.frames) / (nowMs - first.atMs)) * 1000;
  }

  async #fileSize(): Promise<number> {
    return stat(this.record.file).then(
      ({ size }) => size,
      () => 0,
    );
  }

  async #logTail(): Promise<string> {
    const { log } = this.record;
    const text = await readFile(log, 'utf8').catch(() => '');
    const tail = text.trim().slice(-LOG_TAIL_CHARACTERS);
    return tail === '' ? `Its log ${log} is empty.` : `The end of its log ${log}: ${tail}`;
  }
}
