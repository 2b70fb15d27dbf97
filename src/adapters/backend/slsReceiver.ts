import type { Static } from 'typebox';
import type { Backend, BackendStatus } from '../../contracts/backend.js';
import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonObject, Section } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { SlsCommandLine } from '../detector/sls/commandLine.js';
import { slsCommands } from '../detector/sls/names.js';
import { slsProgramOptions } from '../detector/sls/options.js';
import { type ReceiverStatus, SlsReceivers } from '../detector/sls/receivers.js';
import { timeBudget } from '../transport/timeBudget.js';

/** Options of the backend kind `sls-receiver`. */
export const slsReceiverOptions = Type.Object(slsProgramOptions, { additionalProperties: false });

const WORDS: Readonly<Record<ReceiverStatus, BackendStatus>> = {
  idle: 'IDLE',
  running: 'OPEN',
  transmitting: 'CLOSING',
};

/**
 * The receivers of an SLS detector as the backend: they take the detector's packets and send images on. Reached
 * through the detector's command line programs; its options are to be those of the detector.
 *
 * A receiver knows only whether it runs, hence the status `IDLE` for all else. What it has to know of an
 * acquisition it hears from the detector's programs when the detector is configured. Source: PROTOCOLS, SLS
 * detectors.
 */
export class SlsReceiverAdapter implements Backend {
  readonly opensPerRun = true;
  readonly address: string;
  readonly #name: string;
  readonly #receivers: SlsReceivers;

  constructor({ name, options }: AdapterSettings<Static<typeof slsReceiverOptions>>) {
    this.#name = name;
    const line = new SlsCommandLine(name, options);
    this.#receivers = new SlsReceivers(name, line, slsCommands(options.packageVersion));
    this.address = line.address;
  }

  /** Nothing to prepare: every call runs a program of its own. */
  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {}

  async configure(_settings: Section, options: CallOptions): Promise<void> {
    const status = await this.#receivers.status(options);
    if (status === 'idle') return;
    throw new ComponentFailedError(
      'component_refused',
      `${this.#name} cannot be configured: the receiver is ${status}.`,
      {
        component: this.#name,
        operation: 'configure',
        expected: 'idle',
        actual: status,
        hint: 'Reset: that stops the receiver.',
      },
    );
  }

  /** A receiver that still runs is stopped first, so that the frames are counted from 0 again. */
  open(options: CallOptions): Promise<void> {
    return this.#receivers.restart(timeBudget(options));
  }

  /** Ends the stream: the receiver tells its listeners. */
  close(options: CallOptions): Promise<void> {
    return this.#receivers.stop(options);
  }

  reset(options: CallOptions): Promise<void> {
    return this.#receivers.stop(options);
  }

  async status(options: CallOptions): Promise<BackendStatus> {
    return WORDS[await this.#receivers.status(options)];
  }

  metrics(options: CallOptions): Promise<JsonObject> {
    return this.#receivers.metrics(timeBudget(options));
  }
}
