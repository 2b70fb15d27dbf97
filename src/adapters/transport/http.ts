import { errors } from 'undici';
import { TimeIsUp, withinBounds } from '../../contracts/bounds.js';
import type { CallOptions } from '../../contracts/component.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  DiaError,
  type ErrorFacts,
  InternalError,
} from '../../contracts/errors.js';
import type { JsonValue } from '../../contracts/json.js';
import { AnswerTooLong, CutOff, KeptConnections } from './keptConnections.js';

/** Where an HTTP component is. */
export interface HttpClientOptions {
  /** Name of the component in errors. */
  readonly component: string;
  /** `http://host:port`, optionally with a path that precedes that of every request. */
  readonly url: string;
  /** A longer answer is a bad answer; 1 MiB by default. */
  readonly maxAnswerBytes?: number;
}

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Appended to the client's URL; starts with a slash. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: JsonValue;
  /** What is attempted, for errors. */
  readonly operation: string;
  /** Turns an answer that is not 2xx into a more telling error; null leaves it to the client. */
  readonly explain?: (statusCode: number, body: string) => DiaError | null;
  /** The one status code that means success, for components where another 2xx does not; any 2xx by default. */
  readonly successStatus?: number;
}

const MAX_ANSWER_BYTES = 1024 * 1024;
const QUOTED_CHARACTERS = 200;

/**
 * Asks a component over HTTP, and turns every failure of the transport into a typed error.
 *
 * Questions (GET) share kept-alive connections and are sent again once when the server had closed one of them in the
 * meantime. All others are never sent twice: they go over a kept connection only where it cannot be stale, and else
 * over a fresh one each (see `KeptConnections`).
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #basePath: string;
  #connections: KeptConnections | null = null;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#basePath = new URL(options.url).pathname.replace(/\/+$/, '');
  }

  async connect(): Promise<void> {
    this.#connections ??= new KeptConnections(new URL(this.#options.url).origin);
  }

  /** Drops the connections; requests under way fail. */
  async close(): Promise<void> {
    const connections = this.#connections;
    this.#connections = null;
    await connections?.close();
  }

  /**
   * The answer's body as text.
   *
   * @throws ComponentSilentError `component_unreachable` (refused, unknown host, connection lost),
   * `component_timeout`; ComponentFailedError `component_failed` (not 2xx), `bad_answer`; the reason of the
   * caller's signal when that aborted.
   */
  async text(request: HttpRequest, options: CallOptions): Promise<string> {
    try {
      return await withinBounds(options, (signal) => this.#exchange(request, signal));
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      throw this.#translate(error, request, options);
    }
  }

  /** The answer's body as JSON; throws what `text` throws, and `bad_answer` when it is no JSON. */
  async json(request: HttpRequest, options: CallOptions): Promise<JsonValue> {
    const text = await this.text(request, options);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ComponentFailedError('bad_answer', `${this.#options.component} did not answer with JSON.`, {
        ...this.#facts(request),
        expected: 'JSON',
        actual: text.slice(0, QUOTED_CHARACTERS),
        hint: `Check that ${this.#options.url} is the ${this.#options.component} and not another service.`,
        cause,
      });
    }
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<string> {
    const isQuestion = request.method === 'GET';
    try {
      return await this.#exchangeOnce(request, { mayBeLost: isQuestion, signal });
    } catch (error) {
      if (!isQuestion || signal.aborted || !wasStale(error)) throw error;
      // The other kept connections may be as stale as this one.
      return await this.#exchangeOnce(request, { mayBeLost: false, signal });
    }
  }

  async #exchangeOnce(
    request: HttpRequest,
    { mayBeLost, signal }: { mayBeLost: boolean; signal: AbortSignal },
  ): Promise<string> {
    if (this.#connections === null) {
      throw new InternalError('internal', `${this.#options.component} was called before connect().`);
    }
    const exchange = {
      method: request.method,
      path: this.#basePath + request.path,
      body: request.body === undefined ? null : JSON.stringify(request.body),
      mayBeLost,
      maxAnswerBytes: this.#options.maxAnswerBytes ?? MAX_ANSWER_BYTES,
    };
    const { statusCode, body } = await this.#connections.exchange(exchange, signal);
    const { successStatus } = request;
    if (successStatus === undefined ? statusCode >= 200 && statusCode < 300 : statusCode === successStatus) {
      return body;
    }
    throw request.explain?.(statusCode, body) ?? this.#notOk(statusCode, body, request);
  }

  #tooLong(request: HttpRequest): ComponentFailedError {
    const { component, url, maxAnswerBytes = MAX_ANSWER_BYTES } = this.#options;
    return new ComponentFailedError('bad_answer', `The answer of ${component} is too long.`, {
      ...this.#facts(request),
      expected: `at most ${maxAnswerBytes} bytes`,
      actual: 'more',
      hint: `Check that ${url} is the ${component} and not another service.`,
    });
  }

  #facts(request: HttpRequest): ErrorFacts {
    return { component: this.#options.component, operation: request.operation };
  }

  #notOk(statusCode: number, body: string, request: HttpRequest): DiaError {
    const actual = `HTTP ${statusCode}: ${body.slice(0, QUOTED_CHARACTERS)}`;
    const what = `${this.#options.component} failed to ${request.operation}`;
    return new ComponentFailedError('component_failed', `${what}: ${actual}`, {
      ...this.#facts(request),
      expected: 'HTTP 200',
      actual,
      hint: `See the log of the ${this.#options.component} at ${this.#options.url}.`,
    });
  }

  #translate(error: unknown, request: HttpRequest, { timeoutMs }: CallOptions): unknown {
    if (error instanceof DiaError) return error;
    if (error instanceof AnswerTooLong) return this.#tooLong(request);
    const { component, url } = this.#options;
    const facts = { ...this.#facts(request), expected: 'an HTTP answer', cause: error };
    if (error instanceof TimeIsUp) {
      return new ComponentSilentError(
        'component_timeout',
        `${component} did not answer within ${timeoutMs} ms (${request.operation}).`,
        {
          ...facts,
          actual: `nothing for ${timeoutMs} ms from ${url}`,
          hint: `The ${component} accepts no connection, hangs or is overloaded: look at its log, restart it if need be.`,
        },
      );
    }
    const reason = reasonOf(error);
    if (isNoHttp(error)) {
      return new ComponentFailedError('bad_answer', `${component} did not answer in HTTP.`, {
        ...facts,
        actual: reason,
        hint: `Check that ${url} is the ${component} and not another service.`,
      });
    }
    return new ComponentSilentError(
      'component_unreachable',
      `${component} cannot be reached at ${url} (${request.operation}: ${reason}).`,
      { ...facts, actual: reason, hint: `Check that the ${component} runs and listens at ${url}.` },
    );
  }
}

/** Whether the connection went away before anything of an answer came, as a kept-alive one may. */
function wasStale(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : null;
}

function isNoHttp(error: unknown): boolean {
  const cause = error instanceof CutOff ? error.cause : error;
  return cause instanceof errors.HTTPParserError;
}

function reasonOf(error: unknown): string {
  if (isNoHttp(error)) return 'not the HTTP protocol';
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
