import type { BackendStatus } from '../contracts/backend.js';
import type { JsonObject } from '../contracts/json.js';
import type { FrameRelay } from './frameRelay.js';

/** A call that the backend's state or its settings do not allow, in words for its client. */
export class CallRefused extends Error {}

/** An opened run in which nothing moves for this long does not keep an abandoned backend alive. */
const QUIET_RUN_MS = 300_000;

/**
 * A data backend without a detector's data format: takes frames as they are and adds what a PSI backend adds.
 *
 * | state       | configure | open    | close | reset       |
 * |-------------|-----------|---------|-------|-------------|
 * | INITIALIZED | CONFIGURED| refused | CLOSED| INITIALIZED |
 * | CONFIGURED  | refused   | OPEN    | CLOSED| INITIALIZED |
 * | OPEN        | refused   | refused | CLOSED| INITIALIZED |
 * | CLOSED      | refused   | refused | CLOSED| INITIALIZED |
 */
export class SimulatedBackend {
  readonly #relay: FrameRelay;
  #status: BackendStatus = 'INITIALIZED';
  #settings: JsonObject = {};

  constructor(relay: FrameRelay) {
    this.#relay = relay;
  }

  get status(): BackendStatus {
    return this.#status;
  }

  /** Whether a run goes on that is worth staying for. */
  get isBusy(): boolean {
    if (this.#status !== 'OPEN' || this.#relay.quietForMs > QUIET_RUN_MS) return false;
    const frames = this.#settings.n_frames;
    const allSent = typeof frames === 'number' && frames > 0 && this.#relay.counts().sent_frames >= frames;
    return !allSent;
  }

  metrics(): JsonObject {
    return { ...this.#relay.counts(), state: this.#status };
  }

  /** @throws CallRefused unless INITIALIZED, or when a setting has the wrong type. */
  configure(settings: JsonObject): BackendStatus {
    this.#allow('configure', 'INITIALIZED');
    for (const name of ['n_frames', 'bit_depth']) {
      const value = settings[name];
      if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0))
        continue;
      throw new CallRefused(`Setting ${name} must be a whole number, not ${JSON.stringify(value)}.`);
    }
    this.#settings = settings;
    this.#relay.clearCounts();
    this.#status = 'CONFIGURED';
    return this.#status;
  }

  /** @throws CallRefused unless CONFIGURED. */
  open(): BackendStatus {
    this.#allow('open', 'CONFIGURED');
    this.#relay.open();
    this.#status = 'OPEN';
    return this.#status;
  }

  async close(): Promise<BackendStatus> {
    await this.#relay.close();
    this.#status = 'CLOSED';
    return this.#status;
  }

  async reset(): Promise<BackendStatus> {
    await this.#relay.close();
    this.#settings = {};
    this.#status = 'INITIALIZED';
    return this.#status;
  }

  #allow(call: string, needed: BackendStatus): void {
    if (this.#status === needed) return;
    throw new CallRefused(`Cannot ${call} in state ${this.#status}, only in ${needed}.`);
  }
}
