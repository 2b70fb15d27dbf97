import { randomInt } from 'node:crypto';
import { Push } from 'zeromq';
import type { JsonObject } from '../contracts/json.js';
import { applyParameters, type DetectorParameters, POWER_ON_PARAMETERS } from './detectorParameters.js';
import { DetectorRun } from './detectorRun.js';
import { FrameGenerator, type FrameShape } from './frameGenerator.js';

/** What the simulated detector is built with. */
export interface SimulatedDetectorOptions {
  readonly shape: FrameShape;
  readonly seed: number;
  readonly log: (line: string) => void;
}

/** A command that the detector refuses, in words for its client. */
export class Refusal extends Error {}

/** Its memory: frames wait here while the backend is busy, and are lost only when it is full. */
const MEMORY_BYTES = 256 * 1024 * 1024;
const LONGEST_PIXEL_BYTES = 4;
const FEWEST_FRAMES_IN_MEMORY = 8;
/** A run that waits for a trigger that nobody gives does not keep an abandoned detector alive longer. */
const WAITING_COUNTS_AS_BUSY_MS = 300_000;

/**
 * A detector without hardware.
 *
 * | state   | configure | start | trigger | stop | goes to                                       |
 * |---------|-----------|-------|---------|------|-----------------------------------------------|
 * | idle    | yes       | yes   | refused | yes  | running, or waiting with timing trigger       |
 * | running | refused   | refused | refused | yes | waiting or idle after the last frame; idle   |
 * | waiting | refused   | refused | yes   | yes  | running; idle                                 |
 *
 * With timing auto a run makes `frames` frames. With timing trigger it takes `cycles` triggers, and each makes
 * `frames` frames, `period` apart (slsDetectorPackage: frames per trigger, triggers per run); their numbers
 * go on from trigger to trigger.
 */
export class SimulatedDetector {
  readonly #options: SimulatedDetectorOptions;
  readonly #generator: FrameGenerator;
  readonly #socket: Push;
  #parameters: DetectorParameters = { ...POWER_ON_PARAMETERS };
  #run: DetectorRun | null = null;
  #ended: Promise<void> = Promise.resolve();
  #counts = { sent: 0, dropped: 0, total: 0 };
  /** Starts anywhere, so that the series of a restarted detector differ as well. */
  #series = randomInt(2 ** 47);
  #movedAtMs = 0;
  #triggerTimer: NodeJS.Timeout | null = null;

  constructor(options: SimulatedDetectorOptions) {
    this.#options = options;
    this.#generator = new FrameGenerator(options.shape, options.seed);
    const { rows, columns } = options.shape;
    const fitting = Math.floor(MEMORY_BYTES / (rows * columns * LONGEST_PIXEL_BYTES));
    this.#socket = new Push({
      linger: 0,
      sendHighWaterMark: Math.max(FEWEST_FRAMES_IN_MEMORY, fitting),
    });
  }

  /** Opens the frame stream; answers its endpoint. */
  async bind(address: string): Promise<string> {
    await this.#socket.bind(address);
    return this.#socket.lastEndpoint ?? address;
  }

  async close(): Promise<void> {
    await this.stop();
    this.#socket.close();
  }

  get state(): 'idle' | 'running' | 'waiting' {
    return this.#run?.state ?? 'idle';
  }

  /** Whether a run goes on that is worth staying for. */
  get isBusy(): boolean {
    if (this.state !== 'waiting') return this.state === 'running';
    return performance.now() - this.#movedAtMs < WAITING_COUNTS_AS_BUSY_MS;
  }

  status(): JsonObject {
    const { sent, dropped, total } = this.#run?.counts ?? this.#counts;
    return {
      state: this.state,
      frames_sent: sent,
      frames_dropped: dropped,
      frames_total: total,
      triggers: this.#triggerTimer === null ? 'idle' : 'running',
    };
  }

  parameters(): JsonObject {
    return { ...this.#parameters };
  }

  /** @throws Refusal when a run goes on or a value is wrong; nothing is changed then. */
  configure(given: JsonObject): void {
    if (this.#run !== null) throw new Refusal(`cannot configure while ${this.state}: stop first`);
    const applied = applyParameters(this.#parameters, given);
    if ('problems' in applied) throw new Refusal(applied.problems.join('; '));
    if (applied.unknown.length > 0) {
      this.#options.log(`keeps parameters it has no use for: ${applied.unknown.join(', ')}`);
    }
    this.#parameters = applied.parameters;
    this.#generator.prepare(this.#parameters.dr);
  }

  /** @throws Refusal when a run goes on. */
  start(): void {
    if (this.#run !== null) throw new Refusal(`cannot start while ${this.state}: stop first`);
    const { shape } = this.#options;
    const run = new DetectorRun({
      parameters: this.#parameters,
      shape,
      generator: this.#generator,
      socket: this.#socket,
      series: ++this.#series,
    });
    this.#run = run;
    this.#movedAtMs = performance.now();
    this.#ended = run.expose().finally(() => {
      this.#counts = run.counts;
      this.#run = null;
      this.stopTriggers();
      const { sent, dropped, total } = this.#counts;
      this.#options.log(`run over: ${sent} of ${total} frames sent, ${dropped} dropped`);
    });
  }

  /** Ends a run, and with it the triggers; settles once no more frame of it can leave. */
  async stop(): Promise<void> {
    this.stopTriggers();
    this.#run?.stop();
    await this.#ended;
  }

  /** @throws Refusal unless a run waits for it. */
  trigger(): void {
    if (this.#run?.trigger() !== true) {
      throw new Refusal(`not waiting for a trigger: ${this.state}, timing ${this.#parameters.timing}`);
    }
    this.#movedAtMs = performance.now();
  }

  /** Plays a timing system: a trigger at once and then every period, until the run ends. */
  startTriggers(periodS: number): void {
    this.stopTriggers();
    // A trigger during an exposure is lost, as on real hardware.
    this.#triggerTimer = setInterval(() => this.#run?.trigger(), Math.max(1, periodS * 1000));
    this.#run?.trigger();
  }

  stopTriggers(): void {
    if (this.#triggerTimer !== null) clearInterval(this.#triggerTimer);
    this.#triggerTimer = null;
  }
}
