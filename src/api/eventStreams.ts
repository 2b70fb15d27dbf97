import type { ServerResponse } from 'node:http';
import { WrongStateError } from '../contracts/errors.js';
import type { Integration, IntegrationEvent } from '../contracts/integration.js';
import { hideCredentials } from './access/hideCredentials.js';
import { statusEnvelope, wireProgress } from './envelope.js';

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Proxies must pass events on at once.
  'X-Accel-Buffering': 'no',
};

/** What can be set of the event streams. */
export interface EventStreamOptions {
  /** Silence after which a comment is sent, so that proxies and clients see the connection live. */
  readonly heartbeatMs?: number;
  /** How many can be open at a time. */
  readonly mostStreams?: number;
}

const MOST_STREAMS = 200;
/** Characters that are held back, at most, to be written together. */
const MOST_PENDING = 8192;

/** When to ask again for a stream, while there are too many. */
export const STREAM_RETRY_S = 10;

/**
 * All open streams of server-sent events. A stream keeps no queue but of one turn of the event loop: while its client does not
 * read, nothing more is written, and it catches up from the integration's memory of events. A client that
 * reads nothing between two heartbeats is disconnected, or earlier when others wait for its place; it can resume with
 * `Last-Event-ID`.
 */
export class EventStreams {
  readonly #integration: Integration;
  readonly #heartbeatMs: number;
  readonly #mostStreams: number;
  readonly #streams = new Set<Stream>();
  #unsubscribe: (() => void) | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(integration: Integration, options: EventStreamOptions = {}) {
    this.#integration = integration;
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#mostStreams = options.mostStreams ?? MOST_STREAMS;
  }

  /**
   * Makes sure that there is a place for one more: who does not read has to go first.
   *
   * @throws WrongStateError `too_many_streams` when all of them read.
   */
  makeRoom(): void {
    if (this.#streams.size < this.#mostStreams) return;
    const blocked = [...this.#streams].filter((stream) => stream.blockedSinceMs !== null);
    const [deaf] = blocked.toSorted((a, b) => Number(a.blockedSinceMs) - Number(b.blockedSinceMs));
    if (deaf !== undefined) {
      deaf.end();
      this.#forget(deaf);
      return;
    }
    throw new WrongStateError(
      'too_many_streams',
      `${this.#streams.size} clients follow the events already, and no more are served at a time.`,
      {
        component: 'api',
        operation: 'follow the events',
        expected: `fewer than ${this.#mostStreams} streams`,
        actual: this.#streams.size,
        hint: `Close pages and programs that nobody looks at, or raise http.eventStreams. Try again in ${STREAM_RETRY_S} s; GET /api/v1/status answers meanwhile.`,
      },
    );
  }

  /** Turns a response into a stream, which begins after `lastEventId` or with a snapshot. */
  open(response: ServerResponse, lastEventId: string | undefined): void {
    response.writeHead(200, HEADERS);
    if (this.#closed) {
      response.end();
      return;
    }
    const { events } = this.#integration;
    const stream = new Stream(response, this.#integration, resumePoint(lastEventId, events.epoch));
    this.#streams.add(stream);
    this.#unsubscribe ??= events.subscribe((event) => this.#publish(event));
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#heartbeatMs).unref();
    response.on('close', () => this.#forget(stream));
    response.write('retry: 1000\n\n');
    stream.catchUp();
  }

  /** How many streams are open. */
  get size(): number {
    return this.#streams.size;
  }

  /** Ends all streams; later ones end at once. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
  }

  #publish(event: IntegrationEvent): void {
    const text = formatEvent(event, this.#integration.events.epoch);
    for (const stream of this.#streams) stream.take(event, text);
  }

  #beat(): void {
    for (const stream of this.#streams) stream.beat();
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}

class Stream {
  readonly #response: ServerResponse;
  readonly #integration: Integration;
  /** Id of the last event sent; null: a snapshot comes first. */
  #sent: number | null;
  #blockedSinceMs: number | null = null;
  #stalledBeats = 0;
  /** What one turn of the event loop has brought: many components may change at once, and one write costs as much as one event. */
  #pending = '';

  constructor(response: ServerResponse, integration: Integration, sent: number | null) {
    this.#response = response;
    this.#integration = integration;
    this.#sent = sent;
    response.on('drain', () => {
      this.#blockedSinceMs = null;
      this.#stalledBeats = 0;
      this.catchUp();
    });
  }

  /** Sends an event that just happened, or all that are missing up to it. */
  take(event: IntegrationEvent, text: string): void {
    if (this.#blockedSinceMs !== null) return;
    if (event.id - 1 === this.#sent) {
      this.#sent = event.id;
      this.#write(text);
    } else this.catchUp();
  }

  /** Sends what the client has not got yet, as far as it reads. */
  catchUp(): void {
    const { events } = this.#integration;
    const missed = this.#sent === null || this.#sent > events.lastId ? null : events.since(this.#sent);
    if (missed === null) {
      this.#sent = events.lastId;
      const status = hideCredentials(JSON.stringify(statusEnvelope(this.#integration.status())));
      this.#write(`id: ${events.epoch}-${events.lastId}\nevent: snapshot\ndata: ${status}\n\n`);
      return;
    }
    for (const event of missed) {
      if (this.#blockedSinceMs !== null) return;
      this.#sent = event.id;
      this.#write(formatEvent(event, events.epoch));
    }
  }

  /** Since when its client has not read what was sent; null when it has. */
  get blockedSinceMs(): number | null {
    return this.#blockedSinceMs;
  }

  beat(): void {
    if (this.#blockedSinceMs === null) this.#write(': heartbeat\n\n');
    else if (this.#stalledBeats > 0) this.#response.destroy();
    else this.#stalledBeats += 1;
  }

  end(): void {
    this.#flush();
    if (this.#blockedSinceMs !== null) this.#response.destroy();
    else this.#response.end();
  }

  #write(text: string): void {
    if (this.#pending === '') setImmediate(() => this.#flush());
    this.#pending += text;
    if (this.#pending.length > MOST_PENDING) this.#flush();
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text === '' || this.#response.writableEnded || this.#response.destroyed) return;
    if (!this.#response.write(text)) this.#blockedSinceMs ??= performance.now();
  }
}

/** An event in the format of the HTML standard, section 9.2. */
function formatEvent({ id, type, time, data }: IntegrationEvent, epoch: string): string {
  const fields = { time, ...(type === 'progress' ? wireProgress(data) : data) };
  return `id: ${epoch}-${id}\nevent: ${type}\ndata: ${hideCredentials(JSON.stringify(fields))}\n\n`;
}

/** The number in `<epoch>-<n>`; null when it is of another life of the controller, or no id at all. */
function resumePoint(lastEventId: string | undefined, epoch: string): number | null {
  if (lastEventId === undefined || !lastEventId.startsWith(`${epoch}-`)) return null;
  const number = lastEventId.slice(epoch.length + 1);
  return /^\d{1,15}$/.test(number) ? Number(number) : null;
}
