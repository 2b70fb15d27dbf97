import { readFile } from 'node:fs/promises';
import type { Answer, Envelope, StatusAnswer } from '../api/schemas.js';
import type { AcquisitionConfig, JsonValue, Section } from '../contracts/json.js';
import { DiaClientError } from './clientError.js';
import type { Connection } from './connection.js';
import { type DiaEvent, type EventsOptions, followEvents } from './eventStream.js';
import { type Call, callApi, fetchJson } from './httpCalls.js';
import { type WaitOptions, waitForStatus } from './waitForStatus.js';

export type { DiaEvent, EventsOptions } from './eventStream.js';

export { DiaClientError };

/** Where a server runs unless it was told otherwise. */
export const DEFAULT_ADDRESS = 'http://127.0.0.1:10000';

/** How a client reaches its server. */
export interface ClientOptions {
  /** For one request; 120 s unless told, as a start waits for the hardware. */
  readonly timeoutMs?: number;
  /** For servers that ask for one. */
  readonly token?: string | undefined;
  /** Certificates to trust beside those of the system, in PEM. */
  readonly ca?: string | undefined;
}

/** Sections of a config, any of them left out. */
export type ConfigSections = Readonly<Record<string, Section | null | undefined>>;

/** A call can be given up with a signal. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
}

/**
 * The REST API as methods. Each answers the parsed envelope, or the value alone where one is asked for, and
 * throws `DiaClientError` when the server refuses or does not answer.
 */
export class DiaClient {
  readonly address: string;
  readonly #timeoutMs: number;
  readonly #access: Pick<Connection, 'token' | 'ca'>;
  #lease: string | undefined;

  constructor(address: string = DEFAULT_ADDRESS, options: ClientOptions = {}) {
    const withScheme = /^https?:\/\//.test(address) ? address : `http://${address}`;
    this.address = withScheme.replace(/\/+$/, '');
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.#access = { token: options.token, ca: options.ca };
  }

  /** Starts the acquisition; with sections, these are merged into the last config and applied first. */
  start(
    given: { triggerStart?: boolean; sections?: ConfigSections } = {},
    options: RequestOptions = {},
  ): Promise<Answer<'file'>> {
    const body = { trigger_start: given.triggerStart ?? true, ...given.sections };
    return this.#call({ method: 'POST', path: '/start', body, ...options });
  }

  stop(options: RequestOptions = {}): Promise<Envelope> {
    return this.#call({ method: 'POST', path: '/stop', ...options });
  }

  reset(options: RequestOptions = {}): Promise<Envelope> {
    return this.#call({ method: 'POST', path: '/reset', ...options });
  }

  kill(options: RequestOptions = {}): Promise<Envelope> {
    return this.#call({ method: 'POST', path: '/kill', ...options });
  }

  /** The status, from the server's memory. */
  status(options: RequestOptions = {}): Promise<StatusAnswer> {
    return this.#call({ method: 'GET', path: '/status', ...options });
  }

  /** Every component's own word, asked live. */
  statusDetails(options: RequestOptions = {}): Promise<Answer<'statusDetails'>> {
    return this.#call({ method: 'GET', path: '/status_details', ...options });
  }

  config(options: RequestOptions = {}): Promise<Answer<'config'>> {
    return this.#call({ method: 'GET', path: '/config', ...options });
  }

  setConfig(config: AcquisitionConfig, options: RequestOptions = {}): Promise<Answer<'config'>> {
    return this.#call({ method: 'PUT', path: '/config', body: config, ...options });
  }

  /** Reads a config from a JSON file and sets it. */
  async setConfigFromFile(path: string, options: RequestOptions = {}): Promise<Answer<'config'>> {
    return this.setConfig(await readConfig(path), options);
  }

  updateConfig(sections: ConfigSections, options: RequestOptions = {}): Promise<Answer<'config'>> {
    return this.#call({ method: 'POST', path: '/config', body: sections, ...options });
  }

  reapplyConfig(options: RequestOptions = {}): Promise<Answer<'config'>> {
    return this.#call({ method: 'POST', path: '/configure', ...options });
  }

  async detectorValue(name: string, options: RequestOptions = {}): Promise<JsonValue> {
    const path = `/detector/value/${encodeURIComponent(name)}`;
    return (await this.#call<Answer<'value'>>({ method: 'GET', path, ...options })).value;
  }

  /** Answers the value read back. */
  async setDetectorValue(name: string, value: JsonValue): Promise<JsonValue> {
    const body = { name, value };
    return (await this.#call<Answer<'value'>>({ method: 'POST', path: '/detector/value', body })).value;
  }

  serverInfo(options: RequestOptions = {}): Promise<Answer<'serverInfo'>> {
    return this.#call({ method: 'GET', path: '/info', ...options });
  }

  metrics(options: RequestOptions = {}): Promise<Answer<'metrics'>> {
    return this.#call({ method: 'GET', path: '/metrics', ...options });
  }

  controlPanel(options: RequestOptions = {}): Promise<Answer<'controlPanel'>> {
    return this.#call({ method: 'GET', path: '/control_panel', ...options });
  }

  clientsEnabled(options: RequestOptions = {}): Promise<Answer<'clientsEnabled'>> {
    return this.#call({ method: 'GET', path: '/enabled_clients', ...options });
  }

  setClientsEnabled(enabled: Readonly<Record<string, boolean>>): Promise<Answer<'clientsEnabled'>> {
    return this.#call({ method: 'POST', path: '/enabled_clients', body: enabled });
  }

  /** Calls the backend directly; settings go with `config` only. */
  backend(action: 'open' | 'close' | 'reset' | 'config', settings?: Section): Promise<Answer<'backend'>> {
    return this.#call({ method: 'PUT', path: `/backend/${action}`, body: settings });
  }

  setClientConfiguration(
    overlays: Readonly<Record<string, Record<string, Section>>>,
  ): Promise<Answer<'clientConfiguration'>> {
    return this.#call({ method: 'POST', path: '/set_client_configuration', body: overlays });
  }

  clearClientConfiguration(pipeline: string): Promise<Answer<'clientConfiguration'>> {
    const path = `/clear_client_configuration/${encodeURIComponent(pipeline)}`;
    return this.#call({ method: 'POST', path });
  }

  clientConfiguration(pipeline: string): Promise<Answer<'clientConfiguration'>> {
    const path = `/get_client_configuration/${encodeURIComponent(pipeline)}`;
    return this.#call({ method: 'POST', path });
  }

  /** Dry run: validates a config and touches nothing; any other body comes back as it is. */
  daqTest(body: JsonValue, options: RequestOptions = {}): Promise<Answer<'result'>> {
    return this.#call({ method: 'POST', path: '/daq_test', body, ...options });
  }

  /** Who holds control; null when nobody does. */
  lease(options: RequestOptions = {}): Promise<Answer<'lease'>> {
    return this.#call({ method: 'GET', path: '/lease', ...options });
  }

  /** Takes control for a time, or keeps it for longer; from then on this client's commands carry the lease. */
  async takeLease(lease: { owner: string; seconds: number }): Promise<Answer<'leaseTaken'>> {
    const answer = await this.#call<Answer<'leaseTaken'>>({ method: 'POST', path: '/lease', body: lease });
    this.#lease = answer.lease.id;
    return answer;
  }

  /** Gives control back. */
  async releaseLease(): Promise<Answer<'lease'>> {
    const answer = await this.#call<Answer<'lease'>>({ method: 'DELETE', path: '/lease' });
    this.#lease = undefined;
    return answer;
  }

  /** Whether a server answers. */
  async ping(): Promise<boolean> {
    return this.status().then(
      () => true,
      () => false,
    );
  }

  /** The OpenAPI document. */
  openApi(options: RequestOptions = {}): Promise<unknown> {
    return fetchJson(this.#settings(), { method: 'GET', path: '/openapi.json', ...options });
  }

  /** Follows the events until the signal aborts; resumes by itself when the connection is cut. */
  events(options: EventsOptions = {}): AsyncGenerator<DiaEvent> {
    return followEvents(this.#connection(), options);
  }

  /**
   * Waits until one of the statuses is reached, told by events; answers that status. Names may leave out
   * `IntegrationStatus.`. Throws when the integration goes to ERROR instead, or when it takes too long.
   */
  waitForStatus(target: string | readonly string[], options: WaitOptions = {}): Promise<Envelope['status']> {
    return waitForStatus(this.#connection(), typeof target === 'string' ? [target] : target, options);
  }

  #call<T extends Envelope>(call: Call): Promise<T> {
    return callApi<T>(this.#settings(), { ...call, path: `/api/v1${call.path}` });
  }

  #settings() {
    return { connection: this.#connection(), timeoutMs: this.#timeoutMs };
  }

  #connection(): Connection {
    return { address: this.address, lease: this.#lease, ...this.#access };
  }
}

async function readConfig(path: string): Promise<AcquisitionConfig> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiaClientError(`The config file ${path} cannot be read: ${reason}.`, {
      code: cause instanceof SyntaxError ? 'invalid_json' : 'invalid_path',
      component: 'client',
      operation: 'read the config file',
      expected: 'a readable file with JSON',
      actual: path,
      hint: 'Check the name and the contents of the file.',
      cause,
    });
  }
}
