import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import type { Detector, DetectorStatus } from '../../contracts/detector.js';
import { ComponentFailedError, type DiaError, toDiaError, UnknownNameError } from '../../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { timeBudget } from '../transport/timeBudget.js';
import { OdinTree } from './odinTree.js';

const path = (description: string, defaultPath: string) =>
  Type.String({ description, pattern: '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$', default: defaultPath });

/** Options of the detector kind `odin`. */
export const odinDetectorOptions = Type.Object(
  {
    url: Type.String({
      description: 'Where odin-control serves: `http://host:8888`.',
      pattern: '^https?://.+$',
    }),
    adapter: Type.String({
      description: "Name of the detector's adapter in odin-control, as in `/api/0.1/<adapter>`.",
      pattern: '^[A-Za-z0-9_.-]+$',
    }),
    apiVersion: Type.String({
      description: "Version in odin-control's paths. Empty where they have none.",
      pattern: '^([A-Za-z0-9_.-]+)?$',
      default: '0.1',
    }),
    parameters: Type.Record(Type.String(), Type.String({ pattern: '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$' }), {
      description:
        "Path in the adapter's tree for each detector parameter of the acquisition config. Others are refused.",
      default: { frames: 'config/num_images', exptime: 'config/exposure_time' },
    }),
    values: Type.Unsafe<Record<string, Record<string, JsonValue>>>({
      type: 'object',
      additionalProperties: { type: 'object' },
      description: 'Other words for values, by parameter: `{timing: {auto: ints, trigger: exts}}`.',
      default: {},
    }),
    ignored: Type.Array(Type.String(), {
      description: 'Parameters of the acquisition config that this detector does not have, and need not.',
      default: [],
    }),
    startPath: path('Command that starts.', 'command/start_acquisition'),
    stopPath: path('Command that stops.', 'command/stop_acquisition'),
    completePath: path('True when no acquisition goes on.', 'status/acquisition_complete'),
    statePath: path('1 while it exposes; 0 while it waits for a trigger.', 'status/state'),
    errorPath: path('Empty while all is well.', 'status/error'),
  },
  { additionalProperties: false },
);

/** Detectors round times to their clock. */
const RELATIVE_TOLERANCE = 1e-3;

/**
 * A detector behind odin-control: parameters, commands and status are leaves of its adapter's parameter tree, read
 * with GET and set with PUT. The defaults are those of the eiger-detector adapter, which other odin detectors follow.
 */
export class OdinDetectorAdapter implements Detector {
  readonly #name: string;
  readonly #options: Static<typeof odinDetectorOptions>;
  readonly #tree: OdinTree;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof odinDetectorOptions>>) {
    this.#name = name;
    this.#options = options;
    const version = options.apiVersion === '' ? '' : `/${options.apiVersion}`;
    this.address = `${options.url.replace(/\/+$/, '')}/api${version}/${options.adapter}`;
    this.#tree = new OdinTree(name, this.address);
  }

  connect(): Promise<void> {
    return this.#tree.connect();
  }

  disconnect(): Promise<void> {
    return this.#tree.close();
  }

  /** Sets and reads back one after the other; when one is refused, those before it get their old values again. */
  async configure(parameters: Section, options: CallOptions): Promise<void> {
    const budget = timeBudget(options);
    await this.#refuseWhileRunning('configure', budget());
    const wanted = Object.entries(parameters).filter(([name]) => !this.#options.ignored.includes(name));
    for (const [name] of wanted) this.#pathOf(name);
    const before: [string, JsonValue][] = [];
    const errors: string[] = [];
    for (const [name, value] of wanted) {
      const old = await this.#tree.read(this.#pathOf(name), budget());
      try {
        await this.#set(name, value, budget);
        before.push([name, old]);
      } catch (error) {
        if (options.signal.aborted || !(error instanceof ComponentFailedError)) throw error;
        errors.push(`${name}: ${error.facts.actual ?? error.message}.`);
      }
    }
    if (errors.length === 0) return;
    for (const [name, old] of before) await this.#tree.write(this.#pathOf(name), old, budget());
    throw this.#refused('configure', errors.join(' '));
  }

  async start(options: CallOptions): Promise<void> {
    const budget = timeBudget(options);
    await this.#refuseWhileRunning('start', budget());
    await this.#tree.write(this.#options.startPath, true, budget());
  }

  async stop(options: CallOptions): Promise<void> {
    const budget = timeBudget(options);
    const status = await this.status(budget());
    if (status !== 'idle') await this.#tree.write(this.#options.stopPath, true, budget());
  }

  async status(options: CallOptions): Promise<DetectorStatus> {
    const budget = timeBudget(options);
    const { completePath, statePath, errorPath } = this.#options;
    const [complete, state, error] = await Promise.all([
      this.#tree.read(completePath, budget()),
      this.#tree.read(statePath, budget()),
      this.#tree.read(errorPath, budget()),
    ]);
    if (error !== '' && error !== null) return 'error';
    if (complete !== false) return 'idle';
    return state === 0 ? 'waiting' : 'running';
  }

  async getValue(name: string, options: CallOptions): Promise<JsonValue> {
    return this.#ourWord(name, await this.#tree.read(this.#pathOf(name), options));
  }

  async setValue(name: string, value: JsonValue, options: CallOptions): Promise<JsonValue> {
    this.#pathOf(name);
    return await this.#set(name, value, timeBudget(options));
  }

  metrics(options: CallOptions): Promise<JsonObject> {
    return this.#tree.readBranch('status', options);
  }

  async #set(name: string, value: JsonValue, budget: () => CallOptions): Promise<JsonValue> {
    const wanted = this.#theirWord(name, value);
    await this.#tree.write(this.#pathOf(name), wanted, budget());
    const found = await this.#tree.read(this.#pathOf(name), budget());
    if (agree(wanted, found)) return this.#ourWord(name, found);
    throw this.#refused(
      `set ${name}`,
      `${name} is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}.`,
    );
  }

  async #refuseWhileRunning(operation: string, options: CallOptions): Promise<void> {
    const status = await this.status(options);
    if (status === 'running' || status === 'waiting') throw this.#refused(operation, `it is ${status}.`);
  }

  #pathOf(name: string): string {
    const { parameters } = this.#options;
    const found = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (found !== undefined) return found;
    const known = Object.keys(parameters);
    throw new UnknownNameError('unknown_parameter', `${this.#name} has no parameter '${name}'.`, {
      component: this.#name,
      operation: `find ${name}`,
      expected: known,
      actual: name,
      hint: `It has ${known.join(', ')}. The option parameters of ${this.#name} gives names their paths, ignored leaves names out.`,
    });
  }

  #theirWord(name: string, value: JsonValue): JsonValue {
    return this.#options.values[name]?.[String(value)] ?? value;
  }

  #ourWord(name: string, value: JsonValue): JsonValue {
    const words = Object.entries(this.#options.values[name] ?? {});
    return words.find(([, theirs]) => theirs === value)?.[0] ?? value;
  }

  #refused(operation: string, words: string): DiaError {
    return toDiaError(
      new ComponentFailedError('component_refused', `${this.#name} refused to ${operation}: ${words}`, {
        component: this.#name,
        operation,
        actual: words,
        hint: `Correct what it complains of, or reset. ${this.address} shows all its values.`,
      }),
    );
  }
}

function agree(wanted: JsonValue, found: JsonValue): boolean {
  if (typeof wanted === 'number' && typeof found === 'number') {
    return Math.abs(wanted - found) <= RELATIVE_TOLERANCE * Math.abs(wanted);
  }
  return JSON.stringify(wanted) === JSON.stringify(found);
}
