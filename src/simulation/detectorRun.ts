import { setImmediate as afterIo } from 'node:timers/promises';
import type { Push } from 'zeromq';
import { type DetectorParameters, exposureMs, framePeriodMs, totalFrames } from './detectorParameters.js';
import type { FrameGenerator, FrameShape } from './frameGenerator.js';
import { frameHeader } from './frameMessage.js';
import { nowMs, untilDue } from './pacing.js';

/** Longest a frame waits for room in the stream; it never waits past the time the next one is due. */
const LONGEST_WAIT_FOR_ROOM_MS = 20;

/** What a run works with. */
export interface RunOptions {
  readonly parameters: DetectorParameters;
  readonly shape: FrameShape;
  readonly generator: FrameGenerator;
  readonly socket: Push;
  /** Tells this run's frames from those of any other. */
  readonly series: number;
}

/**
 * One run of the simulated detector, from start to the last frame.
 *
 * Frame k of a series begins k periods after the beginning of that (start or trigger), and is due when it has been exposed,
 * whatever became of the frames before. A frame that finds no taker is dropped and counted, like the datagrams of a real
 * detector.
 */
export class DetectorRun {
  readonly #options: RunOptions;
  readonly #stopping = new AbortController();
  #state: 'running' | 'waiting' = 'running';
  #onTrigger: (() => void) | null = null;
  #sent = 0;
  #dropped = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get state(): 'running' | 'waiting' {
    return this.#state;
  }

  /** Frames handed over, dropped, and asked for. */
  get counts(): { sent: number; dropped: number; total: number } {
    return { sent: this.#sent, dropped: this.#dropped, total: totalFrames(this.#options.parameters) };
  }

  /** Makes all frames; settles after the last one was handed over, or soon after `stop`. */
  async expose(): Promise<void> {
    const { timing, frames, cycles } = this.#options.parameters;
    if (timing === 'auto') {
      await this.#exposeFrames(0);
      return;
    }
    for (let cycle = 0; cycle < cycles; cycle++) {
      if (!(await this.#untilTriggered())) return;
      await this.#exposeFrames(cycle * frames);
    }
  }

  /** Fires one exposure; false when the run is not waiting for a trigger, which then is lost. */
  trigger(): boolean {
    if (this.#onTrigger === null) return false;
    this.#onTrigger();
    return true;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #exposeFrames(first: number): Promise<void> {
    const { signal } = this.#stopping;
    const periodMs = framePeriodMs(this.#options.parameters);
    const firstDueMs = nowMs() + exposureMs(this.#options.parameters);
    // The answer to the start leaves first.
    await afterIo();
    for (let index = 0; index < this.#options.parameters.frames; index++) {
      // Drawn while it is exposed, so that it is there when it is due.
      const message = this.#draw(first + index);
      if (!(await untilDue(firstDueMs + index * periodMs, signal))) return;
      const nextDueMs = firstDueMs + (index + 1) * periodMs;
      const patienceMs = periodMs === 0 ? LONGEST_WAIT_FOR_ROOM_MS : nextDueMs - nowMs();
      await this.#send(message, Math.min(patienceMs, LONGEST_WAIT_FOR_ROOM_MS));
    }
  }

  #draw(frame: number): [header: string, pixels: Buffer] {
    const { shape, generator, series, parameters } = this.#options;
    const header = JSON.stringify(frameHeader(shape, parameters.dr, { frame, series }));
    return [header, generator.frame(frame, parameters.dr)];
  }

  async #send(message: [header: string, pixels: Buffer], patienceMs: number): Promise<void> {
    const { socket } = this.#options;
    socket.sendTimeout = Math.max(0, Math.floor(patienceMs));
    try {
      await socket.send(message);
      this.#sent++;
    } catch {
      // ZeroMQ's only failure here is that there was no room in time, or that the program ends.
      this.#dropped++;
    }
  }

  #untilTriggered(): Promise<boolean> {
    const { signal } = this.#stopping;
    if (signal.aborted) return Promise.resolve(false);
    this.#state = 'waiting';
    return new Promise((resolve) => {
      const end = () => {
        this.#onTrigger = null;
        this.#state = 'running';
        signal.removeEventListener('abort', end);
        resolve(!signal.aborted);
      };
      this.#onTrigger = end;
      signal.addEventListener('abort', end);
    });
  }
}
