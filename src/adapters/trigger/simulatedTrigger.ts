import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonObject } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import { TRIGGER_STATUSES, type Trigger, type TriggerStatus } from '../../contracts/trigger.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { isJsonObject } from '../transport/jsonObject.js';
import { OdinControl, type RequestOptions } from '../transport/odinControl.js';

/** Options of the trigger kind `simulated`. */
export const simulatedTriggerOptions = Type.Object(
  {
    endpoint: Type.String({
      description: "ZeroMQ endpoint of the simulated detector's control port, `tcp://host:port`.",
      pattern: '^(tcp|ipc)://.+$',
    }),
    periodS: Type.Number({
      description: 'Seconds from trigger to trigger.',
      exclusiveMinimum: 0,
      maximum: 86_400,
      default: 0.01,
    }),
  },
  { additionalProperties: false },
);

/**
 * A timing system that fires the simulated detector: from `start` a trigger every period, until `stop` or until
 * the detector has taken all it waits for. With timing auto the triggers go unheard.
 */
export class SimulatedTriggerAdapter implements Trigger {
  readonly #name: string;
  readonly #periodS: number;
  readonly #control: OdinControl;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof simulatedTriggerOptions>>) {
    this.#name = name;
    this.#periodS = options.periodS;
    this.address = options.endpoint;
    this.#control = new OdinControl({ component: name, endpoint: options.endpoint });
  }

  connect(): Promise<void> {
    return this.#control.connect();
  }

  disconnect(): Promise<void> {
    return this.#control.close();
  }

  async start(options: CallOptions): Promise<void> {
    await this.#execute({ command: 'start_triggers', trigger_period: this.#periodS }, options);
  }

  async stop(options: CallOptions): Promise<void> {
    await this.#execute({ command: 'stop_triggers' }, { ...options, mayRepeat: true });
  }

  async status(options: CallOptions): Promise<TriggerStatus> {
    const { detector } = await this.#control.request('status', {}, options);
    const state = isJsonObject(detector) ? detector.triggers : undefined;
    const word = TRIGGER_STATUSES.find((known) => known === state);
    if (word !== undefined) return word;
    throw new ComponentFailedError(
      'bad_answer',
      `${this.#name} reported ${JSON.stringify(state ?? null)}, expected one of ${TRIGGER_STATUSES.join(', ')}.`,
      {
        component: this.#name,
        operation: 'status',
        expected: [...TRIGGER_STATUSES],
        actual: state ?? null,
        hint: `Check that ${this.address} is the control port of a simulated detector of this version.`,
      },
    );
  }

  async #execute(detector: JsonObject, options: RequestOptions): Promise<void> {
    await this.#control.request('execute', { detector }, options);
  }
}
