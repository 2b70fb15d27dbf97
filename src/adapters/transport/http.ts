import { Client, type Dispatcher, errors, Pool } from 'undici';
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

/** Every request has bounds of its own; only connecting is bounded here as well, so that it is tried again. */
const LIMITS = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 3000 } };
const QUOTED_CHARACTERS = 200;

/**
 * Asks a component over HTTP, and turns every failure of the transport into a typed error.
 *
 * GET requests share kept-alive connections and are sent again once when the server had closed one of them in
 * the meantime. All others go over a fresh connection each: they cannot meet a stale one, and are never
 * sent twice.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  /** The kept connections. */
  #pool: Pool | null = null;
  /** The connections made for one request each. */
  readonly #fresh = new Set<Client>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    this.#pool ??= new Pool(new URL(this.#options.url).origin, { ...LIMITS, connections: 4 });
  }

  /** Drops the connections; requests under way fail. */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await Promise.all([...this.#fresh, pool].map((connections) => connections?.destroy()));
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
    if (this.#pool === null) {
      throw new InternalError('internal', `${this.#options.component} was called before connect().`);
    }
    if (request.method !== 'GET') return await this.#exchangeFresh(request, signal);
    try {
      return await this.#exchangeOver(this.#pool, request, signal);
    } catch (error) {
      if (signal.aborted || !wasStale(error)) throw error;
      // The other kept connections may be as stale as this one.
      return await this.#exchangeFresh(request, signal);
    }
  }

  async #exchangeFresh(request: HttpRequest, signal: AbortSignal): Promise<string> {
    const client = new Client(new URL(this.#options.url).origin, LIMITS);
    this.#fresh.add(client);
    try {
      return await this.#exchangeOver(client, request, signal);
    } finally {
      this.#fresh.delete(client);
      // Nobody has to wait until the connection is gone.
      client.destroy().catch(() => undefined);
    }
  }

  async #exchangeOver(connections: Dispatcher, request: HttpRequest, signal: AbortSignal): Promise<string> {
    const base = new URL(this.#options.url).pathname.replace(/\/+$/, '');
    const answer = await connections.request({
      method: request.method,
      path: base + request.path,
      signal,
      ...(request.body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(request.body) }),
    });
    let body: string;
    try {
      body = await this.#readBody(answer.body, request);
    } catch (error) {
      // Headers have come, so the connection was not stale: the answer was cut off.
      throw error instanceof DiaError ? error : new CutOff('the answer was cut off', { cause: error });
    }
    const { successStatus } = request;
    const { statusCode } = answer;
    if (successStatus === undefined ? statusCode >= 200 && statusCode < 300 : statusCode === successStatus) {
      return body;
    }
    throw request.explain?.(answer.statusCode, body) ?? this.#notOk(answer.statusCode, body, request);
  }

  async #readBody(stream: AsyncIterable<Buffer>, request: HttpRequest): Promise<string> {
    const limit = this.#options.maxAnswerBytes ?? 1024 * 1024;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > limit) {
        throw new ComponentFailedError(
          'bad_answer',
          `The answer of ${this.#options.component} is too long.`,
          {
            ...this.#facts(request),
            expected: `at most ${limit} bytes`,
            actual: 'more',
            hint: `Check that ${this.#options.url} is the ${this.#options.component} and not another service.`,
          },
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
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

/** The connection broke after the answer had begun. */
class CutOff extends Error {}

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
