import type { Static } from 'typebox';
import type { CallOptions } from '../../../contracts/component.js';
import { DETECTOR_STATUSES, type Detector, type DetectorStatus } from '../../../contracts/detector.js';
import {
  ComponentFailedError,
  type DiaError,
  toDiaError,
  UnknownNameError,
} from '../../../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../../../contracts/json.js';
import type { AdapterSettings } from '../../adapterSettings.js';
import { timeBudget } from '../../transport/timeBudget.js';
import { SlsCommandLine } from './commandLine.js';
import { type SlsCommands, type SlsParameter, slsCommands, slsParameters } from './names.js';
import type { slsDetectorOptions } from './options.js';
import { parseList } from './parser.js';
import { SlsReceivers } from './receivers.js';
import { formatValue, readValue, type Setting, settingsOf } from './values.js';

type Options = Static<typeof slsDetectorOptions>;
type Budget = (part?: number) => CallOptions;

/** Of several modules the word that matters most counts: nothing is idle while one of them runs. */
const BY_WEIGHT: readonly DetectorStatus[] = [
  'error',
  'running',
  'transmitting',
  'waiting',
  'stopped',
  'finished',
  'idle',
];
const AT_REST: readonly string[] = ['idle', 'finished', 'stopped'];
/** What stopping the detector may take of the time, when the receiver has to be stopped as well. */
const DETECTORS_PART = 0.7;

/**
 * Detectors of PSI's SLS group (Eiger, Jungfrau, Mythen3, Gotthard2, Moench) through the command line programs
 * of slsDetectorPackage. Source: PROTOCOLS, SLS detectors; slsDetectorPackage's manual, command line.
 *
 * A configure is one call. Values are read back where the detector rounds them. Receivers are started before and
 * stopped after the detector, and idle whenever it is configured.
 */
export class SlsDetectorAdapter implements Detector {
  readonly address: string;
  readonly #name: string;
  readonly #options: Options;
  readonly #line: SlsCommandLine;
  /** Null when there are none. */
  readonly #receivers: SlsReceivers | null;
  /** The receivers when they start and stop with the detector, null when others start and stop them. */
  readonly #ownReceivers: SlsReceivers | null;
  readonly #commands: SlsCommands;
  readonly #parameters: ReadonlyMap<string, SlsParameter>;

  constructor({ name, options }: AdapterSettings<Options>) {
    this.#name = name;
    this.#options = options;
    this.#line = new SlsCommandLine(name, options);
    this.#commands = slsCommands(options.packageVersion);
    this.#parameters = slsParameters(options);
    const receivers = new SlsReceivers(name, this.#line, this.#commands);
    this.#receivers = options.receiver === 'none' ? null : receivers;
    this.#ownReceivers = options.receiver === 'detector' ? receivers : null;
    this.address = this.#line.address;
  }

  /** Nothing to prepare: every call runs a program of its own. */
  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {}

  async configure(parameters: Section, options: CallOptions): Promise<void> {
    const operation = 'configure';
    const budget = timeBudget(options);
    const { settings, problems } = settingsOf(parameters, this.#parameters, this.#commands);
    if (problems.length > 0) throw this.#refused(operation, problems.join('; '));
    await this.#requireRest(operation, budget);
    await this.#receivers?.stopIfBusy(budget);
    await this.#ensureFixed(budget);
    const lines = settings.map(({ parameter, text }) => `${parameter.command} ${text}`);
    if (lines.length === 0) return;
    await this.#line.putAll(lines, operation, budget());
    for (const setting of settings) {
      if (setting.parameter.rounds) await this.#compare(setting, budget);
    }
  }

  async start(options: CallOptions): Promise<void> {
    const operation = 'start';
    const budget = timeBudget(options);
    // The programs accept a second start without a word.
    await this.#requireRest(operation, budget);
    await this.#ownReceivers?.restart(budget);
    try {
      await this.#line.put(this.#commands.start, operation, budget());
    } catch (error) {
      // Frames would go nowhere; what the start said is more telling than what this may say.
      await this.#ownReceivers?.stop(budget()).catch(() => undefined);
      throw error;
    }
  }

  async stop(options: CallOptions): Promise<void> {
    const budget = timeBudget(options);
    const failures: unknown[] = [];
    const attempt = (step: Promise<void>) => step.catch((error: unknown) => failures.push(error));
    const part = this.#ownReceivers === null ? 1 : DETECTORS_PART;
    await attempt(this.#line.put(this.#commands.stop, 'stop', budget(part)));
    if (this.#ownReceivers !== null) await attempt(this.#ownReceivers.stop(budget()));
    options.signal.throwIfAborted();
    const [first, second] = failures;
    if (second !== undefined) throw this.#bothFailed(toDiaError(first), toDiaError(second));
    if (first !== undefined) throw first;
  }

  async status(options: CallOptions): Promise<DetectorStatus> {
    const answer = await this.#line.get('status', options);
    const words = parseList(answer);
    const known = words.every((word) => DETECTOR_STATUSES.some((status) => status === word));
    const heaviest = BY_WEIGHT.find((status) => words.includes(status));
    if (known && heaviest !== undefined) return heaviest;
    throw this.#badAnswer('report its status', `one of ${DETECTOR_STATUSES.join(', ')}`, answer);
  }

  async getValue(name: string, options: CallOptions): Promise<JsonValue> {
    return await this.#read(this.#find(name, 'read'), options);
  }

  async setValue(name: string, value: JsonValue, options: CallOptions): Promise<JsonValue> {
    const budget = timeBudget(options);
    const parameter = this.#find(name, 'set');
    const formatted = formatValue(parameter, value, this.#commands);
    if (formatted.problem !== undefined) throw this.#refused(`set ${name}`, formatted.problem);
    await this.#line.put([parameter.command, formatted.text], `set ${name}`, budget());
    return await this.#read(parameter, budget());
  }

  async metrics(options: CallOptions): Promise<JsonObject> {
    const budget = timeBudget(options);
    const metrics: JsonObject = { status: await this.status(budget()) };
    for (const command of this.#commands.counters) {
      metrics[command] = Number(await this.#line.get(command, budget()));
    }
    if (this.#receivers === null) return metrics;
    return { ...metrics, ...(await this.#receivers.metrics(budget)) };
  }

  async #requireRest(operation: string, budget: Budget): Promise<void> {
    const status = await this.status(budget());
    if (!AT_REST.includes(status)) throw this.#refused(operation, `it is ${status}`);
  }

  async #ensureFixed(budget: Budget): Promise<void> {
    for (const [command, value] of Object.entries(this.#options.fixedParameters)) {
      const present = parseList(await this.#line.get(command, budget()));
      if (present.length > 0 && present.every((one) => one === value)) continue;
      await this.#line.put([command, value], `set ${command}`, budget());
    }
  }

  async #read(parameter: SlsParameter, options: CallOptions): Promise<JsonValue> {
    const unit = parameter.kind === 'seconds' && this.#commands.units ? 's' : undefined;
    const answer = await this.#line.get(parameter.command, options, unit);
    const value = readValue(parameter, answer);
    if (value !== null) return value;
    throw this.#badAnswer(`read ${parameter.name}`, `a value of ${parameter.command}`, answer);
  }

  async #compare({ parameter, value }: Setting, budget: Budget): Promise<void> {
    const actual = await this.#read(parameter, budget());
    const allowedS = Number(value) * this.#options.tolerance + this.#options.toleranceS;
    const fits = [actual].flat().every((one) => Math.abs(Number(one) - Number(value)) <= allowedS);
    if (fits) return;
    const [has, wanted] = [JSON.stringify(actual), JSON.stringify(value)];
    throw new ComponentFailedError(
      'component_failed',
      `${this.#name} took ${parameter.name} ${wanted} s, but has ${has} s.`,
      {
        component: this.#name,
        operation: 'configure',
        expected: { [parameter.name]: value, within: allowedS },
        actual: { [parameter.name]: actual },
        hint: `Ask for a ${parameter.name} that the detector can make, or widen tolerance in the options of ${this.#name}.`,
      },
    );
  }

  #find(name: string, verb: string): SlsParameter {
    const found = this.#parameters.get(name);
    if (found !== undefined) return found;
    const known = [...this.#parameters.keys()];
    throw new UnknownNameError('unknown_parameter', `${this.#name} has no parameter '${name}'.`, {
      component: this.#name,
      operation: `${verb} ${name}`,
      expected: known,
      actual: name,
      hint: `It has ${known.join(', ')}; extraParameters in its options allows more.`,
    });
  }

  #bothFailed(detector: DiaError, receiver: DiaError): ComponentFailedError {
    return new ComponentFailedError(
      'component_failed',
      `Neither detector nor receiver could be stopped: ${detector.message} ${receiver.message}`,
      {
        ...detector.facts,
        actual: [detector.message, receiver.message],
        cause: new AggregateError([detector, receiver]),
      },
    );
  }

  #refused(operation: string, why: string): ComponentFailedError {
    return new ComponentFailedError('component_refused', `${this.#name} cannot ${operation}: ${why}.`, {
      component: this.#name,
      operation,
      actual: why,
      hint:
        operation === 'start' || operation === 'configure'
          ? `Correct the detector section, or wait until ${this.#name} is idle, or reset.`
          : 'Correct the value.',
    });
  }

  #badAnswer(operation: string, expected: string, actual: string): ComponentFailedError {
    return new ComponentFailedError(
      'bad_answer',
      `${this.#name} was asked to ${operation} and answered ${actual}, expected ${expected}.`,
      {
        component: this.#name,
        operation,
        expected,
        actual,
        hint: `Check packageVersion (${this.#options.packageVersion}) in the options of ${this.#name}.`,
      },
    );
  }
}
