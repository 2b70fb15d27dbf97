import type { CallOptions } from '../../../contracts/component.js';
import type { Detector, DetectorStatus } from '../../../contracts/detector.js';
import { ComponentFailedError, UnknownNameError } from '../../../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../../../contracts/json.js';
import type { AdapterSettings } from '../../adapterSettings.js';
import { timeBudget } from '../../transport/timeBudget.js';
import { applyValues } from './applyValues.js';
import { isExternalMode, SeriesControl } from './seriesControl.js';
import { SimplonApi } from './simplonApi.js';
import { BUSY_STATES, SimplonControl } from './simplonControl.js';
import type { SimplonOptions } from './simplonOptions.js';
import { keyOf, knownNames, toConfigValue, wantedValues } from './simplonParameters.js';

/** What a config means that does not say it; the detector would go on with what the last user wanted. */
const UNLESS_TOLD: Section = { timing: 'auto', cycles: 1 };

/**
 * DECTRIS detectors (EIGER, EIGER2, PILATUS3 and 4, …) through the SIMPLON API.
 *
 * | state of the detector | status here |
 * |---|---|
 * | na (switched on or restarted: configure initialises it), idle | idle |
 * | ready: armed and not started, or not armed by us | idle |
 * | ready: armed for an external trigger and started | waiting |
 * | acquire, configure, initialize, test; or a software trigger is under way | running |
 * | error; or a software trigger failed | error |
 *
 * Source: DECTRIS SIMPLON API reference 1.8, chapter "Detector module".
 */
export class SimplonDetectorAdapter implements Detector {
  readonly #name: string;
  readonly #options: SimplonOptions;
  readonly #api: SimplonApi;
  readonly #control: SimplonControl;
  readonly #series: SeriesControl;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<SimplonOptions>) {
    this.#name = name;
    this.#options = options;
    this.address = options.url;
    const { url, apiVersion } = options;
    this.#api = new SimplonApi({ component: name, url, ...(apiVersion === undefined ? {} : { apiVersion }) });
    this.#control = new SimplonControl(this.#api, name);
    this.#series = new SeriesControl(this.#control, options);
  }

  connect(): Promise<void> {
    return this.#api.connect();
  }

  async disconnect(): Promise<void> {
    await this.#series.giveUp();
    await this.#api.close();
  }

  async configure(parameters: Section, options: CallOptions): Promise<void> {
    const bounds = timeBudget(options);
    await this.#refuseWhileRunning('configure', bounds());
    await this.#initialize(bounds());
    await this.#series.disarm(bounds());
    await this.#apply({ ...UNLESS_TOLD, ...parameters }, bounds());
    await this.#enableConsumer(bounds());
    if (this.#options.armAt === 'configure') await this.#series.arm(bounds());
  }

  async start(options: CallOptions): Promise<void> {
    const bounds = timeBudget(options);
    await this.#refuseWhileRunning('start', bounds());
    const state = await this.#control.state(bounds());
    if (state === 'na' || state === 'error') {
      throw this.#refused('start', { actual: state, hint: 'Configure it: that initialises it.' });
    }
    const { series } = this.#series;
    const isArmed = series !== null && series !== undefined && !series.isStarted && state === 'ready';
    await this.#series.start(isArmed ? series : await this.#series.arm(bounds()), bounds());
  }

  stop(options: CallOptions): Promise<void> {
    return this.#series.end(options);
  }

  async status(options: CallOptions): Promise<DetectorStatus> {
    const bounds = timeBudget(options);
    const state = await this.#control.state(bounds());
    const { series } = this.#series;
    if (state === 'error' || series?.run?.error) return 'error';
    if (series?.run && !series.run.isOver) return 'running';
    const waits = series?.isStarted && series.isExternal;
    if (waits && (await this.#series.hasAllImages(series, bounds()))) return 'idle';
    if (BUSY_STATES.includes(state)) return 'running';
    if (state !== 'ready' || series === null) return 'idle';
    if (series !== undefined) return waits ? 'waiting' : 'idle';
    return isExternalMode(String(await this.#control.config('trigger_mode', bounds()))) ? 'waiting' : 'idle';
  }

  async getValue(name: string, options: CallOptions): Promise<JsonValue> {
    const key = this.#keyOf(name, `read ${name}`);
    return toConfigValue(name, await this.#control.config(key, options));
  }

  async setValue(name: string, value: JsonValue, options: CallOptions): Promise<JsonValue> {
    this.#keyOf(name, `set ${name}`);
    const bounds = timeBudget(options);
    await this.#refuseWhileRunning(`set ${name}`, bounds());
    await this.#series.disarm(bounds());
    await this.#apply({ [name]: value }, bounds());
    return await this.getValue(name, bounds());
  }

  async metrics(options: CallOptions): Promise<JsonObject> {
    const bounds = timeBudget(options);
    const metrics: JsonObject = {
      state: await this.#control.state(bounds()),
      series_id: this.#series.lastId,
      error: this.#series.series?.run?.error?.message ?? null,
    };
    const { consumer } = this.#options;
    if (consumer === 'none') return metrics;
    const read = (key: string) => this.#control.orNull({ module: consumer, kind: 'status', key }, bounds());
    metrics[`${consumer}_state`] = await read('state');
    if (consumer === 'stream') metrics.stream_dropped = await read('dropped');
    return metrics;
  }

  /** A detector that was switched on, restarted, or is in error knows nothing until it is initialised. */
  async #initialize(options: CallOptions): Promise<void> {
    const bounds = timeBudget(options);
    const state = await this.#control.state(bounds());
    if (state !== 'na' && state !== 'error') return;
    const timeoutMs = Math.min(bounds().timeoutMs, this.#options.initializeTimeoutMs);
    const within = timeBudget({ ...options, timeoutMs });
    await this.#control.command('initialize', within());
    const reached = await this.#control.leaves(['na', ...BUSY_STATES], within());
    if (reached !== 'error') return;
    const words = await this.#control.orNull({ module: 'detector', kind: 'status', key: 'error' }, bounds());
    throw this.#refused('initialise', {
      actual: `error: ${JSON.stringify(words)}`,
      hint: 'Look at the web interface of the control unit; switch the detector off and on when it stays.',
    });
  }

  async #apply(section: Section, options: CallOptions): Promise<void> {
    const { wanted, problems } = wantedValues(section, this.#options);
    await applyValues({ api: this.#api, component: this.#name, wanted, problems }, timeBudget(options));
  }

  /** By default the images go nowhere: neither the stream nor the file writer is enabled after a restart. */
  async #enableConsumer(options: CallOptions): Promise<void> {
    const { consumer, streamFormat, headerDetail, endBy } = this.#options;
    const bounds = timeBudget(options);
    if (endBy === 'monitor') await this.#control.ensure('monitor', ['mode', 'enabled'], bounds());
    if (consumer === 'none') return;
    if (consumer === 'stream') {
      if (this.#series.wasCutShort) await this.#dropStaleImages(bounds());
      const format = { module: 'stream', kind: 'config', key: 'format' } as const;
      // Detectors that know no other format do not have the key.
      if (streamFormat === 'cbor' || (await this.#control.orNull(format, bounds())) !== null) {
        await this.#control.ensure('stream', ['format', streamFormat], bounds());
      }
      await this.#control.ensure('stream', ['header_detail', headerDetail], bounds());
    }
    await this.#control.ensure(consumer, ['mode', 'enabled'], bounds());
    const state = await this.#control.orNull({ module: consumer, kind: 'status', key: 'state' }, bounds());
    if (state !== 'error') return;
    const words = await this.#control.orNull({ module: consumer, kind: 'status', key: 'error' }, bounds());
    throw this.#refused(`enable the ${consumer}`, {
      actual: `error: ${JSON.stringify(words)}`,
      hint: `PUT ${this.address}/${consumer}/api/<version>/command/initialize resets it.`,
    });
  }

  /** Images of a series that was cut short wait in the stream for the next consumer, which has no use for them. */
  async #dropStaleImages(options: CallOptions): Promise<void> {
    try {
      await this.#api.command({ module: 'stream', kind: 'command', key: 'initialize' }, options);
    } catch (error) {
      // Not every detector has the command; the consumer leaves out images of another series.
      if (!(error instanceof ComponentFailedError)) throw error;
    }
  }

  async #refuseWhileRunning(operation: string, options: CallOptions): Promise<void> {
    const status = await this.status(options);
    // After a restart of the controller an armed detector is nobody's run any more.
    if (status !== 'running' && (status !== 'waiting' || this.#series.series === undefined)) return;
    throw this.#refused(operation, { actual: status, hint: 'Stop it, or wait for its end.' });
  }

  #refused(operation: string, { actual, hint }: { actual: string; hint: string }): ComponentFailedError {
    return new ComponentFailedError(
      'component_refused',
      `${this.#name} cannot ${operation}: the detector is ${actual}.`,
      { component: this.#name, operation, expected: 'a detector at rest', actual, hint },
    );
  }

  #keyOf(name: string, operation: string): string {
    const key = keyOf(name, this.#options);
    if (key !== null) return key;
    const known = knownNames(this.#options);
    throw new UnknownNameError('unknown_parameter', `${this.#name} has no parameter '${name}'.`, {
      component: this.#name,
      operation,
      expected: known,
      actual: name,
      hint: `It has ${known.join(', ')}; the option 'parameters' of the deployment allows more.`,
    });
  }
}
