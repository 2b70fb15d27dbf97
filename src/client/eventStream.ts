import { setTimeout as pause } from 'node:timers/promises';
import { boundBy, TimeIsUp } from '../contracts/bounds.js';
import { DiaClientError, errorOfEnvelope, isRecord } from './clientError.js';
import { type Connection, sendOver } from './connection.js';
import { noAnswer } from './httpCalls.js';
import { parseServerSentEvents, type ServerSentEvent } from './sseParser.js';

/** An event of the integration; `snapshot` carries the whole present status. */
export interface DiaEvent {
  /** `<epoch>-<n>`; give it as `lastEventId` to go on after this event. */
  readonly id: string;
  readonly type: 'snapshot' | 'state' | 'component' | 'progress';
  readonly data: Record<string, unknown>;
}

/** How events are followed. */
export interface EventsOptions {
  readonly signal?: AbortSignal;
  /** Go on after this event; without it a snapshot comes first. */
  readonly lastEventId?: string;
  /** How long a server that went away is looked for before giving up; 30 s unless told. */
  readonly reconnectTimeoutMs?: number;
  /** Told when the connection is cut, and when the first event comes after that. */
  readonly onConnection?: (state: 'lost' | 'back') => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Follows the events of a server; when the connection is cut it resumes after the last event.
 * Ends when the signal aborts. Throws {@link DiaClientError} when there is no server at first, or none
 * came back in time.
 */
export async function* followEvents(
  connection: Connection,
  options: EventsOptions = {},
): AsyncGenerator<DiaEvent> {
  const { signal } = options;
  const reconnectTimeoutMs = options.reconnectTimeoutMs ?? 30_000;
  let lastEventId = options.lastEventId;
  let lostAt: number | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  let everConnected = false;
  while (!signal?.aborted) {
    try {
      for await (const event of openStream(connection, lastEventId, signal)) {
        everConnected = true;
        if (lostAt !== null) options.onConnection?.('back');
        lostAt = null;
        pauseMs = FIRST_PAUSE_MS;
        lastEventId = event.id;
        yield event;
      }
    } catch (thrown) {
      if (signal?.aborted) return;
      // Somebody else's answer, or a refusal: trying again would change nothing.
      if (!everConnected || (thrown instanceof DiaClientError && thrown.httpStatus >= 400)) throw thrown;
      if (lostAt !== null && performance.now() - lostAt > reconnectTimeoutMs) throw thrown;
    }
    if (signal?.aborted) return;
    if (lostAt === null) options.onConnection?.('lost');
    lostAt ??= performance.now();
    await pause(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** One connection, until it ends. */
async function* openStream(
  server: Connection,
  lastEventId: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<DiaEvent> {
  const connection = boundBy({ signal });
  const connectTimer = setTimeout(
    () => connection.abort(new TimeIsUp('no answer in time')),
    CONNECT_TIMEOUT_MS,
  );
  try {
    const answer = await sendOver(server, '/api/v1/events', {
      signal: connection.signal,
      headers: {
        Accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
      },
    });
    clearTimeout(connectTimer);
    if (!answer.ok || !answer.headers.get('content-type')?.startsWith('text/event-stream')) {
      const body: unknown = await answer.json().catch(() => null);
      if (isRecord(body) && body.state === 'error') throw errorOfEnvelope(body, Math.max(answer.status, 400));
      throw new DiaClientError(`${server.address} gives no events (HTTP ${answer.status}).`, {
        code: 'bad_answer',
        httpStatus: Math.max(answer.status, 400),
        component: 'controller',
        operation: 'GET /api/v1/events',
        expected: 'text/event-stream',
        actual: answer.headers.get('content-type') ?? 'no content type',
        hint: 'Check the address and the port, and what stands between.',
      });
    }
    if (answer.body === null) return;
    for await (const event of parseServerSentEvents(answer.body)) {
      const known = knownEvent(event);
      if (known !== null) yield known;
    }
  } catch (thrown) {
    throw thrown instanceof DiaClientError ? thrown : noAnswer(server, CONNECT_TIMEOUT_MS, thrown);
  } finally {
    clearTimeout(connectTimer);
    connection.end();
    connection.abort(new Error('nobody listens any more'));
  }
}

/** Types that a newer server may add are passed over. */
function knownEvent({ id, type, data }: ServerSentEvent): DiaEvent | null {
  if (type !== 'snapshot' && type !== 'state' && type !== 'component' && type !== 'progress') return null;
  const parsed: unknown = JSON.parse(data);
  return isRecord(parsed) ? { id, type, data: parsed } : null;
}
