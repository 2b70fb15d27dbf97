import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError } from '../../../contracts/errors.js';
import type { JsonObject, JsonValue } from '../../../contracts/json.js';
import { HttpClient } from '../../transport/http.js';
import { isJsonObject } from '../../transport/jsonObject.js';

/** The parts of the control unit that have an API of their own. */
export type SimplonModule = 'detector' | 'stream' | 'filewriter' | 'monitor';

/** One key of a module: `config/nimages`, `status/state`, `command/arm`. */
export interface SimplonKey {
  readonly module: SimplonModule;
  readonly kind: 'config' | 'status' | 'command';
  readonly key: string;
}

/** What the control unit says of a value; what it leaves out is null. */
export interface SimplonValue {
  readonly value: JsonValue;
  readonly unit: string;
  readonly isReadOnly: boolean;
  readonly min: number | null;
  readonly max: number | null;
  readonly allowedValues: readonly JsonValue[] | null;
}

export interface SimplonApiOptions {
  /** Name of the component in errors. */
  readonly component: string;
  readonly url: string;
  /** Without it the control unit is asked. */
  readonly apiVersion?: string;
}

/** Tried in this order when the control unit does not tell its version. */
const FALLBACK_VERSIONS = ['1.8.0', '1.6.0'];
const VERSION = /^\d+\.\d+\.\d+$/;
/** Flat fields and masks are values as well; those of an EIGER2 16M have 140 MB as JSON and are not read here. */
const MOST_ANSWER_BYTES = 8 * 1024 * 1024;
const QUOTED_CHARACTERS = 200;

/**
 * The HTTP API of a DECTRIS control unit (SIMPLON): `/<module>/api/<version>/<kind>/<key>`. Only status 200 is success.
 * The version is found out with the first call and kept until `close`.
 *
 * Source: DECTRIS SIMPLON API reference 1.8, chapters 2 (interface) and 3 (modules).
 */
export class SimplonApi {
  readonly #options: SimplonApiOptions;
  readonly #http: HttpClient;
  #version: string | null;

  constructor(options: SimplonApiOptions) {
    this.#options = options;
    this.#version = options.apiVersion ?? null;
    this.#http = new HttpClient({ ...options, maxAnswerBytes: MOST_ANSWER_BYTES });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  close(): Promise<void> {
    this.#version = this.#options.apiVersion ?? null;
    return this.#http.close();
  }

  /** Reads a value of `config` or `status`. */
  async read(key: SimplonKey, options: CallOptions): Promise<SimplonValue> {
    const operation = `read ${key.module} ${key.kind}/${key.key}`;
    const answer = await this.#http.json(
      { method: 'GET', path: await this.#path(key, options), operation, successStatus: 200 },
      options,
    );
    if (isJsonObject(answer) && answer.value !== undefined) return describe(answer);
    throw this.#badAnswer(operation, 'an object with a value', answer);
  }

  /** Sets a value of `config`; answers the keys that changed with it, none when the control unit does not say. */
  async write(key: SimplonKey, value: JsonValue, options: CallOptions): Promise<string[]> {
    const answer = await this.#put(key, { value }, options);
    return Array.isArray(answer) ? answer.filter((changed) => typeof changed === 'string') : [];
  }

  /** Carries out a command; answers the series id where there is one. `trigger` answers when the series is over. */
  async command(key: SimplonKey, options: CallOptions, value?: JsonValue): Promise<number | null> {
    const answer = await this.#put(key, value === undefined ? undefined : { value }, options);
    const series = isJsonObject(answer) ? answer['sequence id'] : undefined;
    return typeof series === 'number' ? series : null;
  }

  /** Names of the files that the file writer has on the control unit. */
  async files(options: CallOptions): Promise<string[]> {
    const operation = 'list the files';
    const path = `/filewriter/api/${await this.version(options)}/files`;
    const answer = await this.#http.json({ method: 'GET', path, operation, successStatus: 200 }, options);
    // Newer firmware describes the list as it does every other value.
    const names = isJsonObject(answer) ? answer.value : answer;
    if (Array.isArray(names)) return names.filter((name) => typeof name === 'string');
    throw this.#badAnswer(operation, 'a list of names', answer);
  }

  /** The path of a key, with the version in it. */
  async #path({ module, kind, key }: SimplonKey, options: CallOptions): Promise<string> {
    return `/${module}/api/${await this.version(options)}/${kind}/${key}`;
  }

  /** The version of the API, asked once. */
  async version(options: CallOptions): Promise<string> {
    this.#version ??= await this.#findVersion(options);
    return this.#version;
  }

  async #findVersion(options: CallOptions): Promise<string> {
    const tried: string[] = [];
    // Some servers redirect the first path to the second, some have neither.
    for (const path of ['/detector/api/version', '/detector/api/version/']) {
      const answer = await this.#ask(path, options, tried);
      const version = isJsonObject(answer) ? answer.value : answer;
      if (typeof version === 'string' && VERSION.test(version)) return version;
    }
    for (const version of FALLBACK_VERSIONS) {
      const answer = await this.#ask(`/detector/api/${version}/status/state`, options, tried);
      if (isJsonObject(answer) && answer.value !== undefined) return version;
    }
    throw new ComponentFailedError(
      'bad_answer',
      `${this.#options.component} at ${this.#options.url} does not answer as a DECTRIS control unit does.`,
      {
        component: this.#options.component,
        operation: 'find the version of the API',
        expected: `a version at /detector/api/version, or one of ${FALLBACK_VERSIONS.join(', ')}`,
        actual: tried,
        hint: 'Check the url, or set apiVersion in the options to what the manual of the detector says.',
      },
    );
  }

  /** The answer to a GET; null when the control unit answered, but not with that. */
  async #ask(path: string, options: CallOptions, tried: string[]): Promise<JsonValue> {
    try {
      return await this.#http.json(
        { method: 'GET', path, operation: 'find the version of the API', successStatus: 200 },
        options,
      );
    } catch (error) {
      if (!(error instanceof ComponentFailedError)) throw error;
      tried.push(`${path}: ${JSON.stringify(error.facts.actual ?? error.message)}`);
      return null;
    }
  }

  async #put(key: SimplonKey, body: JsonObject | undefined, options: CallOptions): Promise<JsonValue> {
    const operation =
      key.kind === 'command'
        ? `${key.key}`
        : `set ${key.module} ${key.key} to ${JSON.stringify(body?.value ?? null)}`;
    const text = await this.#http.text(
      {
        method: 'PUT',
        path: await this.#path(key, options),
        operation,
        successStatus: 200,
        explain: (statusCode, answer) => this.#refused(operation, statusCode, answer),
        ...(body === undefined ? {} : { body }),
      },
      options,
    );
    try {
      return JSON.parse(text);
    } catch {
      // Commands without a result answer with nothing at all.
      return null;
    }
  }

  #refused(operation: string, statusCode: number, body: string): ComponentFailedError {
    const { component, url } = this.#options;
    const actual = `HTTP ${statusCode}: ${body.slice(0, QUOTED_CHARACTERS)}`;
    return new ComponentFailedError('component_refused', `${component} refused to ${operation}: ${actual}`, {
      component,
      operation,
      expected: 'HTTP 200',
      actual,
      hint: `Its state and errors are at ${url}/detector/api/<version>/status/state and …/status/error.`,
    });
  }

  #badAnswer(operation: string, expected: string, answer: JsonValue): ComponentFailedError {
    const { component, url } = this.#options;
    const actual = JSON.stringify(answer).slice(0, QUOTED_CHARACTERS);
    return new ComponentFailedError('bad_answer', `${component} answered ${operation} with ${actual}.`, {
      component,
      operation,
      expected,
      actual,
      hint: `Check that ${url} is a DECTRIS control unit.`,
    });
  }
}

function describe(answer: JsonObject): SimplonValue {
  const { value = null, unit, access_mode: accessMode, min, max, allowed_values: allowed } = answer;
  // Simulators give 0 to 0 for values without limits.
  const hasLimits = !(typeof min === 'number' && typeof max === 'number' && min >= max);
  return {
    value,
    unit: typeof unit === 'string' ? unit : '',
    isReadOnly: accessMode === 'r',
    min: hasLimits && typeof min === 'number' ? min : null,
    max: hasLimits && typeof max === 'number' ? max : null,
    allowedValues: Array.isArray(allowed) && allowed.length > 0 ? allowed : null,
  };
}
