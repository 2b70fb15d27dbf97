import { setTimeout as pause } from 'node:timers/promises';
import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError } from '../../../contracts/errors.js';
import { timeBudget } from '../../transport/timeBudget.js';
import { BUSY_STATES, type SimplonControl } from './simplonControl.js';
import type { SimplonOptions } from './simplonOptions.js';
import { TriggerRun } from './triggerRun.js';

const LOOK_EVERY_MS = 10;
/** How long a start looks for the first sign of the exposure; some detectors show none. */
const FIRST_SIGN_MS = 100;
/** A trigger answers at the end of its series, which may take days. */
const LONGEST_SERIES_MS = 2 ** 31 - 1;

/** A series the detector was armed for. */
export interface Series {
  /** The id the detector gave it. */
  readonly id: number | null;
  readonly isExternal: boolean;
  /** Images of all triggers. */
  readonly images: number;
  readonly triggers: number;
  /** Whether it was started: a detector that is armed and was not started is idle. */
  isStarted: boolean;
  run: TriggerRun | null;
}

/** Arms, triggers, ends and disarms, and knows what the detector does not tell of the series it is armed for. */
export class SeriesControl {
  readonly #control: SimplonControl;
  readonly #options: SimplonOptions;
  /** Undefined: unknown, as after a restart of the controller. Null: disarmed. */
  #series: Series | null | undefined;
  #lastId: number | null = null;
  #wasCutShort = false;

  constructor(control: SimplonControl, options: SimplonOptions) {
    this.#control = control;
    this.#options = options;
  }

  /** The series it is armed for; null when disarmed, undefined when that is not known. */
  get series(): Series | null | undefined {
    return this.#series;
  }

  /** Id of the present series or the last one. */
  get lastId(): number | null {
    return this.#lastId;
  }

  /** Whether the last series was ended early: images of it may wait in the detector's stream. */
  get wasCutShort(): boolean {
    return this.#wasCutShort;
  }

  async arm(options: CallOptions): Promise<Series> {
    const bounds = timeBudget(options);
    await this.disarm(bounds());
    const read = async (key: string) => await this.#control.config(key, bounds());
    const mode = String(await read('trigger_mode'));
    const images = Number(await read('nimages'));
    const triggers = Number(await read('ntrigger'));
    const id = await this.#control.command('arm', bounds());
    this.#lastId = id;
    this.#wasCutShort = false;
    this.#series = {
      id,
      isExternal: isExternalMode(mode),
      images: images * triggers,
      triggers,
      isStarted: false,
      run: null,
    };
    return this.#series;
  }

  /** Starts the exposure: sends the triggers when they are ours to send. */
  async start(series: Series, options: CallOptions): Promise<void> {
    series.isStarted = true;
    if (series.isExternal) return;
    const run = new TriggerRun(series.triggers, async (signal, isLast) => {
      await this.#control.command('trigger', { signal, timeoutMs: LONGEST_SERIES_MS });
      if (isLast) await this.#disarmAfterLast(signal);
    });
    series.run = run;
    const endMs = performance.now() + Math.min(FIRST_SIGN_MS, options.timeoutMs);
    while (!run.isOver && performance.now() < endMs) {
      if ((await this.#control.state(options)) === 'acquire') break;
      await Promise.race([run.settled, pause(LOOK_EVERY_MS, undefined, { signal: options.signal })]);
    }
    if (run.error !== null) throw run.error;
  }

  /** Ends whatever is under way, and disarms. */
  async end(options: CallOptions): Promise<void> {
    const bounds = timeBudget(options);
    const run = this.#series?.run ?? null;
    const state = await this.#control.state(bounds());
    if (state === 'na') return;
    if (state === 'acquire' || (run !== null && !run.isOver)) {
      this.#wasCutShort = true;
      await this.#control.command(this.#options.stopBy, bounds());
      await run?.giveUp();
      await this.#untilEnded(bounds());
    }
    await this.#control.leaves(BUSY_STATES, bounds());
    await this.disarm(bounds());
  }

  /** Disarms a detector that is armed, or may be. */
  async disarm(options: CallOptions): Promise<void> {
    const bounds = timeBudget(options);
    const state = await this.#control.state(bounds());
    const isArmed = this.#series !== null && this.#series !== undefined && !isOver(this.#series);
    if (state === 'ready' || (isArmed && state !== 'na')) await this.#control.command('disarm', bounds());
    this.#series = null;
  }

  /** Stops waiting for triggers, as when the adapter disconnects; the detector goes on. */
  async giveUp(): Promise<void> {
    await this.#series?.run?.giveUp();
  }

  /** Whether the monitor has seen the last image of a series; an external gate tells no other end. */
  async hasAllImages({ id, images }: Series, options: CallOptions): Promise<boolean> {
    if (this.#options.endBy !== 'monitor') return false;
    const key = { module: 'monitor', kind: 'status', key: 'monitor_image_number' } as const;
    const newest = await this.#control.orNull(key, options);
    if (!Array.isArray(newest)) return false;
    const [seriesId, image] = newest;
    return seriesId === id && typeof image === 'number' && image + 1 >= images;
  }

  /** Detectors go idle after the last trigger by themselves, most of them. */
  async #disarmAfterLast(signal: AbortSignal): Promise<void> {
    const options = { signal, timeoutMs: LONGEST_SERIES_MS };
    if ((await this.#control.state(options)) === 'ready') await this.#control.command('disarm', options);
  }

  /** A cancel waits for the present image; when that takes too long, the image is given up. */
  async #untilEnded(options: CallOptions): Promise<void> {
    const bounds = timeBudget(options);
    try {
      await this.#control.leaves(['acquire'], { ...options, timeoutMs: Math.ceil(options.timeoutMs / 2) });
    } catch (error) {
      if (!(error instanceof ComponentFailedError) || error.code !== 'component_wrong_state') throw error;
      await this.#control.command('abort', bounds());
    }
  }
}

/** Whether the images are triggered from outside. */
export function isExternalMode(mode: string): boolean {
  return mode !== 'ints' && mode !== 'inte';
}

function isOver({ run }: Series): boolean {
  return run?.isOver === true && run.error === null;
}
