import type { Static } from 'typebox';
import { BACKEND_STATUSES, type Backend, type BackendStatus } from '../../contracts/backend.js';
import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { HttpClient } from '../transport/http.js';
import { isJsonObject } from '../transport/jsonObject.js';

/** Options of the backend kind `psi`. */
export const psiBackendOptions = Type.Object(
  {
    url: Type.String({
      description: 'Where the backend serves its REST interface, without the `/v1`: `http://host:port`.',
      pattern: '^https?://.+$',
    }),
  },
  { additionalProperties: false },
);

/** The PSI data backends' REST interface: changes of state are answered with the new state as plain text. */
export class PsiBackendAdapter implements Backend {
  readonly #name: string;
  readonly #http: HttpClient;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof psiBackendOptions>>) {
    this.#name = name;
    this.address = options.url;
    this.#http = new HttpClient({ component: name, url: `${options.url.replace(/\/+$/, '')}/v1` });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  disconnect(): Promise<void> {
    return this.#http.close();
  }

  configure(settings: Section, options: CallOptions): Promise<void> {
    return this.#change({ call: 'configure', reached: ['CONFIGURED'], body: { settings } }, options);
  }

  open(options: CallOptions): Promise<void> {
    return this.#change({ call: 'open', reached: ['OPEN'] }, options);
  }

  close(options: CallOptions): Promise<void> {
    return this.#change({ call: 'close', reached: ['CLOSED', 'CLOSING'] }, options);
  }

  reset(options: CallOptions): Promise<void> {
    return this.#change({ call: 'reset', reached: ['INITIALIZED'] }, options);
  }

  async status(options: CallOptions): Promise<BackendStatus> {
    const operation = 'report its state';
    const answer = await this.#http.json({ method: 'GET', path: '/state', operation }, options);
    const state = isJsonObject(answer) ? answer.global_state : undefined;
    const word = BACKEND_STATUSES.find((known) => known === state);
    if (word !== undefined) return word;
    throw this.#badAnswer(operation, `global_state, one of ${BACKEND_STATUSES.join(', ')}`, answer);
  }

  async metrics(options: CallOptions): Promise<JsonObject> {
    const operation = 'report its metrics';
    const answer = await this.#http.json({ method: 'GET', path: '/metrics', operation }, options);
    const value = isJsonObject(answer) ? answer.value : undefined;
    const backend = isJsonObject(value) ? value.backend : undefined;
    if (isJsonObject(backend)) return backend;
    throw this.#badAnswer(operation, 'value.backend', answer);
  }

  async #change(
    { call, reached, body }: { call: string; reached: readonly BackendStatus[]; body?: JsonObject },
    options: CallOptions,
  ): Promise<void> {
    const answer = await this.#http.text(
      { method: 'POST', path: `/state/${call}`, body: body ?? {}, operation: call },
      options,
    );
    // Some servers write the word as JSON, or end it with a newline.
    const word = answer.trim().replace(/^"(.*)"$/, '$1');
    if (!reached.some((state) => state === word)) throw this.#badAnswer(call, reached.join(' or '), answer);
    options.onState?.({ status: word });
  }

  #badAnswer(operation: string, expected: string, actual: JsonValue): ComponentFailedError {
    const quoted = (typeof actual === 'string' ? actual : JSON.stringify(actual)).slice(0, 200);
    return new ComponentFailedError(
      'bad_answer',
      `${this.#name} was asked to ${operation} and answered ${quoted}, expected ${expected}.`,
      {
        component: this.#name,
        operation,
        expected,
        actual: quoted,
        hint: `Reset, and look at the log of the backend at ${this.address} if it happens again.`,
      },
    );
  }
}
