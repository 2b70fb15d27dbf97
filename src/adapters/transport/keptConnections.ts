import { Client, type Dispatcher } from 'undici';

/** One request. */
export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** All of it, from the slash on. */
  readonly path: string;
  /** Sent as JSON; null: no body. */
  readonly body: string | null;
  /** Whether it may be lost with a connection that has just gone away, because it is sent again then. */
  readonly mayBeLost: boolean;
  /** A longer answer is given up with `AnswerTooLong`. */
  readonly maxAnswerBytes: number;
}

/** What was answered, whatever the status. */
export interface ExchangeAnswer {
  readonly statusCode: number;
  readonly body: string;
}

/** The connection broke after the answer had begun. */
export class CutOff extends Error {}

/** The answer is longer than it may be. */
export class AnswerTooLong extends Error {}

/** One connection at most, for one request after the other. */
interface Line {
  readonly client: Client;
  /** Until when its server is certain to keep it, on the clock of `performance.now`; 0 before it has said so. */
  safeUntilMs: number;
}

/** Every request has bounds of its own; only connecting is bounded here as well, so that it is tried again. */
const LIMITS = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 3000 } };
const MOST_KEPT = 4;
/** Of the time that a server promises, because its clock began before ours. */
const SAFE_PART = 0.5;
/** However long it promises: it may have been started anew since. */
const LONGEST_SAFE_MS = 5_000;

/**
 * The connections to one server, kept between requests.
 *
 * A request that must not be lost goes over a kept connection only well within the time for which the server itself has
 * promised to keep it (`Keep-Alive: timeout=…`, RFC 9112): it cannot meet one that is just being closed for being idle.
 * Where there is no such promise it gets a connection of its own.
 */
export class KeptConnections {
  readonly #origin: string;
  /** Those that are not in use, the last used last. */
  #idle: Line[] = [];
  readonly #all = new Set<Client>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Drops the connections; requests under way fail. */
  async close(): Promise<void> {
    this.#idle = [];
    await Promise.all([...this.#all].map((client) => client.destroy()));
    this.#all.clear();
  }

  /**
   * Sends a request; answers when all of the answer is there.
   *
   * @throws the signal's reason, `CutOff`, `AnswerTooLong`, and what undici says when the connection fails before.
   */
  async exchange(request: Exchange, signal: AbortSignal): Promise<ExchangeAnswer> {
    const line = this.#take(request.mayBeLost);
    try {
      const { answer, keptForMs } = await send(line.client, request, signal);
      line.safeUntilMs = performance.now() + Math.min(keptForMs * SAFE_PART, LONGEST_SAFE_MS);
      if ((keptForMs > 0 || request.mayBeLost) && this.#all.has(line.client)) this.#keep(line);
      else this.#drop(line);
      return answer;
    } catch (error) {
      // Nobody knows what still comes on it.
      this.#drop(line);
      // Nor, unless it was we who gave it up, what has become of its server.
      if (!signal.aborted) for (const other of this.#idle.splice(0)) this.#drop(other);
      throw error;
    }
  }

  #take(mayBeLost: boolean): Line {
    const nowMs = performance.now();
    const index = this.#idle.findLastIndex(({ safeUntilMs }) => mayBeLost || nowMs < safeUntilMs);
    const [kept] = index < 0 ? [] : this.#idle.splice(index, 1);
    if (kept !== undefined) return kept;
    const client = new Client(this.#origin, LIMITS);
    this.#all.add(client);
    return { client, safeUntilMs: 0 };
  }

  #keep(line: Line): void {
    this.#idle.push(line);
    const surplus = this.#idle.length > MOST_KEPT ? this.#idle.shift() : undefined;
    if (surplus !== undefined) this.#drop(surplus);
  }

  #drop({ client }: Line): void {
    this.#all.delete(client);
    // Nobody has to wait until the connection is gone.
    client.destroy().catch(() => undefined);
  }
}

interface Sent {
  readonly answer: ExchangeAnswer;
  /** How long the server keeps the connection; 0 when it does not say, or closes it. */
  readonly keptForMs: number;
}

/** The short way through undici, which makes no stream for a few hundred bytes. */
function send(client: Client, request: Exchange, signal: AbortSignal): Promise<Sent> {
  const { method, path, body, maxAnswerBytes } = request;
  return new Promise<Sent>((resolve, reject) => {
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    let head: { statusCode: number; keptForMs: number } | null = null;
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, statusCode, headers) => {
        // After an interim answer comes the real one.
        if (statusCode >= 200) head = { statusCode, keptForMs: promisedMs(headers) };
      },
      onResponseData: (_controller, chunk) => {
        sizeBytes += chunk.length;
        if (sizeBytes <= maxAnswerBytes) chunks.push(chunk);
        else fail(new AnswerTooLong(`more than ${maxAnswerBytes} bytes`));
      },
      onResponseEnd: () => {
        signal.removeEventListener('abort', onAbort);
        const { statusCode, keptForMs } = head ?? { statusCode: 0, keptForMs: 0 };
        resolve({ answer: { statusCode, body: Buffer.concat(chunks).toString('utf8') }, keptForMs });
      },
      onResponseError: (_controller, error) =>
        fail(head === null ? error : new CutOff('the answer was cut off', { cause: error })),
    };
    const headers = body === null ? {} : { 'content-type': 'application/json' };
    client.dispatch({ method, path, body, headers }, handler);
  });
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

function promisedMs({ connection, 'keep-alive': promise }: Headers): number {
  if (/\bclose\b/i.test(String(connection ?? ''))) return 0;
  const [, seconds] = /\btimeout=(\d+)/i.exec(String(promise ?? '')) ?? [];
  return Number(seconds ?? 0) * 1000;
}
