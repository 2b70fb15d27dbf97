import { Pool } from 'undici';
import type { CallOptions } from '../../contracts/component.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  DiaError,
  type ErrorFacts,
  InternalError,
} from '../../contracts/errors.js';
import type { JsonValue } from '../../contracts/json.js';
import { TimeIsUp, withinBounds } from './bounds.js';

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
}

const CONNECT_TIMEOUT_MS = 3000;
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
  #asking: Pool | null = null;
  #commanding: Pool | null = null;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    if (this.#asking !== null) return;
    const { origin } = new URL(this.#options.url);
    const limits = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_TIMEOUT_MS } };
    this.#asking = new Pool(origin, { ...limits, connections: 4 });
    this.#commanding = new Pool(origin, { ...limits, connections: 4, pipelining: 0 });
  }

  /** Drops the connections; requests under way fail. */
  async close(): Promise<void> {
    const pools = [this.#asking, this.#commanding];
    this.#asking = null;
    this.#commanding = null;
    await Promise.all(pools.map((pool) => pool?.destroy()));
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
    try {
      return await this.#exchangeOnce(request, signal);
    } catch (error) {
      if (request.method !== 'GET' || signal.aborted || !wasStale(error)) throw error;
      return await this.#exchangeOnce(request, signal);
    }
  }

  async #exchangeOnce(request: HttpRequest, signal: AbortSignal): Promise<string> {
    const pool = request.method === 'GET' ? this.#asking : this.#commanding;
    if (pool === null) {
      throw new InternalError('internal', `${this.#options.component} was called before connect().`);
    }
    const base = new URL(this.#options.url).pathname.replace(/\/+$/, '');
    const answer = await pool.request({
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
    if (answer.statusCode >= 200 && answer.statusCode < 300) return body;
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
    if (reason.startsWith('HPE_')) {
      return new ComponentFailedError('bad_answer', `${component} did not answer in HTTP (${reason}).`, {
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

function reasonOf(error: unknown): string {
  if (error instanceof CutOff) return codeOf(error.cause)?.startsWith('HPE_') ? 'HPE_BODY' : error.message;
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
