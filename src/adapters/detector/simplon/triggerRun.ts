import { type DiaError, toDiaError } from '../../../contracts/errors.js';

type SendTrigger = (signal: AbortSignal, isLast: boolean) => Promise<unknown>;

/**
 * Software triggers under way. Each `trigger` command answers only when its series is over, so they are sent in the
 * background; what goes wrong is kept for whoever asks next.
 */
export class TriggerRun {
  readonly #abort = new AbortController();
  readonly settled: Promise<void>;
  #isOver = false;
  #error: DiaError | null = null;

  /**
   * @param triggers - How many, one after the other.
   * @param send - Sends one and answers when its images are taken.
   */
  constructor(triggers: number, send: SendTrigger) {
    this.settled = this.#run(triggers, send);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why it ended early; null while it goes on, after its end, and when it was given up. */
  get error(): DiaError | null {
    return this.#error;
  }

  /** Waits no longer: some detectors never answer a trigger whose series was cancelled. */
  async giveUp(): Promise<void> {
    this.#abort.abort(new Error('the run was ended'));
    await this.settled;
  }

  async #run(triggers: number, send: SendTrigger): Promise<void> {
    const { signal } = this.#abort;
    try {
      for (let sent = 0; sent < triggers && !signal.aborted; sent += 1) {
        await send(signal, sent === triggers - 1);
      }
    } catch (error) {
      if (!signal.aborted) this.#error = toDiaError(error);
    } finally {
      this.#isOver = true;
    }
  }
}
