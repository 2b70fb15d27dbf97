import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import { DETECTOR_STATUSES, type Detector, type DetectorStatus } from '../../contracts/detector.js';
import { ComponentFailedError, UnknownNameError } from '../../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { isJsonObject } from '../transport/jsonObject.js';
import { OdinControl } from '../transport/odinControl.js';

/** Options of the detector kind `simulated`. */
export const simulatedDetectorOptions = Type.Object(
  {
    endpoint: Type.String({
      description: "ZeroMQ endpoint of the simulated detector's control port, `tcp://host:port`.",
      pattern: '^(tcp|ipc)://.+$',
    }),
  },
  { additionalProperties: false },
);

/** Timing of a config that does not say: frames at once, one series. */
const UNLESS_TOLD = { timing: 'auto', cycles: 1 } as const;

/** The simulated detector, controlled by odin-data's JSON messages over ZeroMQ. */
export class SimulatedDetectorAdapter implements Detector {
  readonly #name: string;
  readonly #control: OdinControl;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof simulatedDetectorOptions>>) {
    this.#name = name;
    this.address = options.endpoint;
    this.#control = new OdinControl({ component: name, endpoint: options.endpoint });
  }

  connect(): Promise<void> {
    return this.#control.connect();
  }

  disconnect(): Promise<void> {
    return this.#control.close();
  }

  async configure(parameters: Section, options: CallOptions): Promise<void> {
    // The detector keeps what it is not told; the trigger mode of somebody before must not outlive his config.
    const detector = { ...UNLESS_TOLD, ...parameters };
    this.#tell(await this.#control.request('configure', { detector }, options), options);
  }

  async start(options: CallOptions): Promise<void> {
    this.#tell(await this.#control.request('execute', { detector: { command: 'start' } }, options), options);
  }

  async stop(options: CallOptions): Promise<void> {
    const stop = { detector: { command: 'stop' } };
    this.#tell(await this.#control.request('execute', stop, { ...options, mayRepeat: true }), options);
  }

  async status(options: CallOptions): Promise<DetectorStatus> {
    const { state } = await this.metrics(options);
    const word = statusIn(state);
    if (word !== undefined) return word;
    throw this.#badAnswer('status', `one of ${DETECTOR_STATUSES.join(', ')}`, state);
  }

  async getValue(name: string, options: CallOptions): Promise<JsonValue> {
    const parameters = await this.#section('request_configuration', options);
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value !== undefined) return value;
    const known = Object.keys(parameters);
    throw new UnknownNameError('unknown_parameter', `${this.#name} has no parameter '${name}'.`, {
      component: this.#name,
      operation: `read ${name}`,
      expected: known,
      actual: name,
      hint: `It has ${known.join(', ')}.`,
    });
  }

  async setValue(name: string, value: JsonValue, options: CallOptions): Promise<JsonValue> {
    // The detector keeps any field it is given: a misspelt name has to be noticed here.
    await this.getValue(name, options);
    await this.#control.request('configure', { detector: { [name]: value } }, options);
    return await this.getValue(name, options);
  }

  metrics(options: CallOptions): Promise<JsonObject> {
    return this.#section('status', options);
  }

  /** The answer to a command says where the detector is now; that of an older one merely says yes. */
  #tell({ detector }: JsonObject, { onState }: CallOptions): void {
    const status = isJsonObject(detector) ? statusIn(detector.state) : undefined;
    if (status !== undefined) onState?.({ status });
  }

  async #section(command: string, options: CallOptions): Promise<JsonObject> {
    const { detector } = await this.#control.request(command, {}, options);
    if (isJsonObject(detector)) return detector;
    throw this.#badAnswer(command, 'params with an object named detector', detector);
  }

  #badAnswer(operation: string, expected: string, actual: JsonValue | undefined): ComponentFailedError {
    return new ComponentFailedError(
      'bad_answer',
      `${this.#name} answered ${operation} with ${JSON.stringify(actual ?? null)}, expected ${expected}.`,
      {
        component: this.#name,
        operation,
        expected,
        actual: actual ?? null,
        hint: `Check that ${this.address} is the control port of a simulated detector of this version.`,
      },
    );
  }
}

const statusIn = (state: JsonValue | undefined) => DETECTOR_STATUSES.find((known) => known === state);
