import { setImmediate as afterIo } from 'node:timers/promises';
import { ComponentFailedError, type DiaError, NoSpaceError } from '../contracts/errors.js';
import { hdf5Cause } from '../files/hdf5.js';
import { CompressorError } from './compression/compressorError.js';
import type { Decoded, Decoder, Frame, Notice } from './decoders/decoder.js';
import type { FileIdentity } from './fileIdentity.js';
import type { Completion, FrameFile } from './formats/format.js';
import type { WriterLog } from './log.js';
import { FramePlacement } from './placement.js';
import type { FrameStream, Message } from './streams/frameStream.js';
import { MessageMemory } from './streams/messageMemory.js';

/** Longest time between a frame and the flush that shows it to readers. */
const FLUSH_EVERY_MS = 100;
/** Time between two looks whether the file is still there. */
const LOOK_EVERY_MS = 500;
/** Longest time the frames keep the REST interface waiting. */
const SLICE_MS = 1;
/** Longest time a stop goes on taking frames that have already arrived. */
const DRAIN_MS = 1000;

/** How an acquisition ended; `null` while it goes on. */
export type Outcome = 'finished' | 'stopped' | 'error';

/** What an acquisition works with. */
export interface AcquisitionParts {
  readonly stream: FrameStream;
  readonly decoder: Decoder;
  readonly file: FrameFile;
  /** Makes the file anew under the same name, without frames. */
  readonly createAgain: () => FrameFile;
  readonly identity: FileIdentity;
  /** 0: until stopped. */
  readonly framesExpected: number;
  readonly log: WriterLog;
}

/** What is counted during an acquisition. */
export interface AcquisitionCounts {
  receivedFrames: number;
  duplicateFrames: number;
  /** Messages that are no frames, or frames that do not fit the first one. */
  badMessages: number;
  /** Messages of another run. */
  foreignMessages: number;
  /** Frames numbered beyond the last one asked for. */
  outsideFrames: number;
  /** Frames written that lack pixels. */
  incompleteFrames: number;
}

/**
 * One acquisition, from the first wait for a frame to the closed file. Nothing in a frame can end it but the disk:
 * what cannot be used is counted, and logged the first time.
 */
export class Acquisition {
  placement: FramePlacement;
  readonly counts: AcquisitionCounts = {
    receivedFrames: 0,
    duplicateFrames: 0,
    badMessages: 0,
    foreignMessages: 0,
    outsideFrames: 0,
    incompleteFrames: 0,
  };
  readonly #parts: AcquisitionParts;
  #file: FrameFile;
  #hasEnded = false;
  #outcome: Outcome | null = null;
  #error: DiaError | null = null;
  #firstFrame: Frame | null = null;
  #firstWriteMs = 0;
  #lastWriteMs = 0;
  #flushTimer: NodeJS.Timeout | null = null;
  #yielding = false;
  #drainUntilMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | null = null;

  constructor(parts: AcquisitionParts) {
    this.#parts = parts;
    this.#file = parts.file;
    this.placement = new FramePlacement(parts.framesExpected);
  }

  get outcome(): Outcome | null {
    return this.#outcome;
  }

  /** Why the outcome is `error`. */
  get error(): DiaError | null {
    return this.#error;
  }

  /** Frames in the file that readers find. */
  get framesWritten(): number {
    return this.#file.framesWritten;
  }

  /** Frames that are not in the file and will not be: while it goes on, those that later ones have overtaken. */
  get framesLost(): number {
    const { placement } = this;
    if (this.#outcome === null) return placement.gaps;
    // After a failure also those that came and never reached the disk.
    return placement.missing + placement.written - this.framesWritten;
  }

  /** Bytes of these frames. */
  get bytesWritten(): number {
    return this.#file.bytesWritten;
  }

  /** Frames per second from the first written frame to the last; 0 before the second. */
  get frameRateHz(): number {
    const seconds = (this.#lastWriteMs - this.#firstWriteMs) / 1000;
    return seconds > 0 ? (this.placement.written - 1) / seconds : 0;
  }

  /** Receives until all frames are there, or until stopped; the file is closed when this returns. Never throws. */
  run(): Promise<void> {
    this.#running ??= this.#receive();
    return this.#running;
  }

  /** The system writes on into a file that was removed or replaced, and nobody would notice before the end. */
  async #lookForFile(): Promise<void> {
    const problem = await this.#parts.identity.problem();
    if (problem !== null && this.#outcome === null) this.#fail(new Error(problem));
  }

  /** Ends it with the frames that have arrived so far. */
  async stop(): Promise<void> {
    if (this.#yielding) {
      this.#drainUntilMs = performance.now() + DRAIN_MS;
      this.#parts.stream.endWhenEmpty();
    } else {
      // Waiting for a message: nothing is left to be taken.
      this.#parts.stream.close();
    }
    await this.#running;
  }

  /** Ends it at once; frames that have arrived and are not written are lost. */
  async kill(): Promise<void> {
    this.#drainUntilMs = 0;
    if (!this.#yielding) this.#parts.stream.close();
    await this.#running;
  }

  async #receive(): Promise<void> {
    const { stream } = this.#parts;
    let sliceStartMs = performance.now();
    const looking = setInterval(() => this.#lookForFile(), LOOK_EVERY_MS);
    try {
      while (!this.placement.isComplete && !this.#hasEnded && performance.now() < this.#drainUntilMs) {
        const message = await stream.receive();
        // It may have failed meanwhile; what comes now has no file any more.
        if (message === null || this.#outcome !== null) break;
        const pause = this.#take(message) ?? this.#file.room();
        if (pause === undefined && performance.now() - sliceStartMs < SLICE_MS) continue;
        // Messages that are there already are received without a turn of the event loop.
        this.#yielding = true;
        await (pause ?? afterIo());
        this.#yielding = false;
        sliceStartMs = performance.now();
      }
      // What waited for missing parts; a kill leaves it out.
      if (this.#outcome === null && !this.placement.isComplete && this.#drainUntilMs > 0) {
        await this.#take('quiet');
      }
      await this.#close();
    } catch (error) {
      this.#fail(error);
    } finally {
      clearInterval(looking);
      stream.close();
      this.#disarm();
      if (this.#outcome === 'error') await this.#file.abandon(this.#completion(false));
    }
  }

  /** Undefined unless something has to be waited for. */
  #take(message: Message | 'quiet'): Promise<void> | undefined {
    const { decoder } = this.#parts;
    try {
      if (message === 'quiet') return this.#use(decoder.flush?.() ?? [], null);
      const memory = new MessageMemory(message);
      const pause = this.#use(decoder.decode(message.parts, message.source), memory);
      if (pause !== undefined) return pause.then(() => memory.letGo());
      memory.letGo();
      return undefined;
    } catch (error) {
      if (!(error instanceof ComponentFailedError)) throw error;
      this.counts.badMessages += 1;
      if (this.counts.badMessages === 1) {
        const { expected, actual } = error.facts;
        this.#parts.log.warn(
          `${error.message} Expected ${expected}, got ${JSON.stringify(actual)}. More of them are only counted.`,
        );
      }
      return undefined;
    }
  }

  /** @param memory - Where the pixels of a frame lie that are not borrowed. */
  #use(decoded: Decoded, memory: MessageMemory | null): Promise<void> | undefined {
    if (typeof decoded === 'string') return this.#heed(decoded);
    if ('number' in decoded) {
      this.#checkLikeFirst(decoded);
      this.#place(decoded, memory);
      return undefined;
    }
    let pause: Promise<void> | undefined;
    for (const one of decoded)
      pause = pause === undefined ? this.#use(one, memory) : pause.then(() => this.#use(one, memory));
    return pause;
  }

  #heed(notice: Notice): Promise<void> | undefined {
    const { counts } = this;
    switch (notice) {
      case 'nothing':
        break;
      case 'foreign':
        counts.foreignMessages += 1;
        if (counts.foreignMessages === 1) this.#parts.log.warn('messages of another run came; left out');
        break;
      case 'begin':
        return this.placement.written > 0 ? this.#startOver() : undefined;
      case 'end':
        // A run without a frame is none that anybody waits for: one that was armed and given up.
        this.#hasEnded = this.placement.written > 0;
        break;
    }
    return undefined;
  }

  /** What was written was of another run that was left in the stream: the file begins anew. */
  async #startOver(): Promise<void> {
    this.#parts.log.warn(`${this.placement.written} frames of an earlier run came first; left out`);
    this.#disarm();
    await this.#file.abandon(this.#completion(false));
    this.#file = this.#parts.createAgain();
    this.counts.foreignMessages += this.placement.written;
    this.counts.receivedFrames = 0;
    this.counts.incompleteFrames = 0;
    this.placement = new FramePlacement(this.#parts.framesExpected);
    this.#firstFrame = null;
  }

  #place(frame: Frame, memory: MessageMemory | null): void {
    const { counts, placement } = this;
    counts.receivedFrames += 1;
    switch (placement.judge(frame.number)) {
      case 'new':
        this.#write(frame, memory);
        break;
      case 'duplicate':
        counts.duplicateFrames += 1;
        if (counts.duplicateFrames === 1)
          this.#parts.log.warn(`frame ${frame.number} came twice; the first one stays`);
        break;
      case 'outside':
        counts.outsideFrames += 1;
        if (counts.outsideFrames === 1) {
          this.#parts.log.warn(
            `frame ${frame.number} is outside the ${placement.expected} frames asked for; ignored`,
          );
        }
        break;
    }
  }

  #checkLikeFirst(frame: Frame): void {
    const first = this.#firstFrame;
    if (first === null) return;
    if (describeFrame(frame) === describeFrame(first)) return;
    throw new ComponentFailedError('bad_answer', 'Bad frame message: The frame differs from the first one.', {
      component: 'writer',
      operation: 'write a frame',
      expected: describeFrame(first),
      actual: describeFrame(frame),
      hint: 'Shape, type and compression cannot change within one file: end the acquisition before the detector is changed.',
    });
  }

  #write(frame: Frame, memory: MessageMemory | null): void {
    const held = frame.isBorrowed === true ? null : memory;
    held?.hold();
    this.#file.write(frame, { receivedAtS: Date.now() / 1000, written: () => held?.letGo() });
    this.placement.take(frame.number);
    if (frame.isIncomplete === true) this.#countIncomplete(frame.number);
    this.#lastWriteMs = performance.now();
    if (this.#firstFrame === null) {
      // Without its pixels: they would keep the message in memory.
      this.#firstFrame = { ...frame, pixels: new Uint8Array(0), metadata: {} };
      this.#firstWriteMs = this.#lastWriteMs;
      // The first frame is shown at once: readers wait for the datasets that come with it. The last one is with the end.
      if (!this.placement.isComplete) void this.#flush();
    }
    this.#arm();
  }

  #countIncomplete(number: number): void {
    this.counts.incompleteFrames += 1;
    if (this.counts.incompleteFrames === 1) {
      this.#parts.log.warn(`frame ${number} lacks pixels; it is written and marked. More are only counted.`);
    }
  }

  #arm(): void {
    if (this.#outcome === null) this.#flushTimer ??= setTimeout(() => void this.#flush(), FLUSH_EVERY_MS);
  }

  /** Shows what is in the file, and comes again for what is still on its way there. Never throws. */
  async #flush(): Promise<void> {
    const file = this.#file;
    try {
      await file.flush();
    } catch (error) {
      if (file === this.#file) this.#fail(error);
    }
    if (file !== this.#file) return;
    this.#disarm();
    if (file.framesWritten < this.placement.written) this.#arm();
  }

  #disarm(): void {
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
  }

  async #close(): Promise<void> {
    if (this.#outcome !== null) return;
    this.#disarm();
    await this.#file.close(this.#completion(true));
    this.#outcome ??= this.placement.isComplete ? 'finished' : 'stopped';
  }

  #completion(isClosed: boolean): Completion {
    const { placement } = this;
    const endless = placement.expected === 0 && placement.written > 0 && placement.gaps === 0;
    return {
      complete: isClosed && (placement.isComplete || endless),
      framesTaken: placement.written,
      framesMissing: placement.missing,
      framesIncomplete: this.counts.incompleteFrames,
    };
  }

  /** Ends it; the file is closed by the loop that receives. */
  #fail(error: unknown): void {
    if (this.#outcome !== null) return;
    this.#outcome = 'error';
    const cause = hdf5Cause(error);
    // Without a number of frames: some may be on their way into the file still. The end of the run tells it.
    const message = `Writing ${this.#parts.identity.path} failed: ${cause}.`;
    const facts = {
      component: 'writer',
      operation: 'write frames',
      ...(error instanceof CompressorError ? error.facts : DISK_FACTS),
      actual: cause,
      cause: error,
    };
    this.#error = /no space|quota/i.test(cause)
      ? new NoSpaceError('no_space', message, facts)
      : new ComponentFailedError('component_failed', message, facts);
    this.#parts.log.error(message);
    this.#disarm();
    this.#parts.stream.close();
  }
}

const DISK_FACTS = {
  expected: 'a disk that takes the frames',
  hint: 'Check the disk: its free space, its quota, and whether it is still mounted.',
};

/** What all frames of a file have in common. */
function describeFrame({ rows, columns, type, filter }: Frame): string {
  return `${rows}x${columns} ${type}${filter === undefined ? '' : `, filter ${filter.id} ${filter.options}`}`;
}
