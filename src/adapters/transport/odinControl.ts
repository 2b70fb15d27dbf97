import { setTimeout as delay } from 'node:timers/promises';
import { Dealer } from 'zeromq';
import { TimeIsUp, withinBounds } from '../../contracts/bounds.js';
import type { CallOptions } from '../../contracts/component.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  type ErrorFacts,
  InternalError,
} from '../../contracts/errors.js';
import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { isJsonObject } from './jsonObject.js';

/** Where a component with odin-data's control protocol is. */
export interface OdinControlOptions {
  /** Name of the component in errors. */
  readonly component: string;
  /** ZeroMQ endpoint of its ROUTER socket, `tcp://host:port`. */
  readonly endpoint: string;
}

/** A request that waits for its reply. */
interface Waiting {
  readonly resolve: (reply: JsonObject) => void;
  readonly reject: (reason: unknown) => void;
}

/** One connection: its socket, and the requests that wait for a reply on it. */
interface Connection {
  readonly socket: Dealer;
  readonly pending: Map<number, Waiting>;
  /** Settles when the message before has been handed over: ZeroMQ takes one at a time. */
  handover: Promise<void>;
  retired: boolean;
}

/** How a request is sent. */
export interface RequestOptions extends CallOptions {
  /**
   * Whether it may be carried out twice, like a stop: then it is sent again, within its time, when the connection was lost
   * after it was sent, as nobody knows whether it arrived.
   */
  readonly mayRepeat?: boolean;
}

const RECONNECT_MS = 20;
const RECONNECT_AT_MOST_MS = 200;

/**
 * Speaks odin-data's JSON control messages over a ZeroMQ DEALER socket, one part each (odin-data,
 * IpcMessage): `{msg_type: "cmd", msg_val, id, timestamp, params}`, answered by `ack` or `nack` of the same id.
 *
 * A message leaves only over a live connection, and a connection on which a reply failed to come is not used
 * again; closing it discards what ZeroMQ still holds. So a command that timed out is not carried out
 * when the component comes back later; only what a hung component had already received can be.
 */
export class OdinControl {
  readonly #options: OdinControlOptions;
  #open = false;
  #current: Connection | null = null;
  #nextId = 1;

  constructor(options: OdinControlOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    this.#open = true;
  }

  /** Drops the connection; requests under way end as unreachable or with their own bounds. */
  async close(): Promise<void> {
    this.#open = false;
    const connection = this.#current;
    this.#current = null;
    if (connection === null) return;
    connection.retired = true;
    connection.socket.close();
  }

  /**
   * Sends a command and answers the `params` of its acknowledgement.
   *
   * @throws ComponentFailedError `component_refused` (nack, with the component's own words), `bad_answer`;
   * ComponentSilentError `component_unreachable` (no connection in time), `component_timeout` (no reply);
   * the reason of the caller's signal when that aborted.
   */
  async request(command: string, params: JsonObject, options: RequestOptions): Promise<JsonObject> {
    const facts: ErrorFacts = { component: this.#options.component, operation: command };
    let sent = false;
    let lost: ComponentSilentError | null = null;
    try {
      const onSent = () => {
        sent = true;
        lost = null;
      };
      const reply = await withinBounds(options, async (signal) => {
        for (let pauseMs = RECONNECT_MS; ; pauseMs = Math.min(2 * pauseMs, RECONNECT_AT_MOST_MS)) {
          try {
            return await this.#exchange({ command, params }, signal, onSent);
          } catch (error) {
            if (!options.mayRepeat || signal.aborted || !(error instanceof ComponentSilentError)) throw error;
            lost = error;
            // As ZeroMQ does between its own attempts: a component that cuts every connection is not flooded.
            await delay(pauseMs, undefined, { signal });
          }
        }
      });
      return this.#read(reply, facts);
    } catch (error) {
      if (!(error instanceof TimeIsUp)) throw error;
      throw lost ?? this.#silent(sent, facts, options.timeoutMs);
    }
  }

  async #exchange(
    { command, params }: { command: string; params: JsonObject },
    signal: AbortSignal,
    onSent: () => void,
  ): Promise<JsonObject> {
    const id = this.#nextId++;
    const timestamp = new Date().toISOString();
    const message = JSON.stringify({ msg_type: 'cmd', msg_val: command, id, timestamp, params });
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      for (;;) {
        const connection = this.#connection();
        let sent = false;
        const reply = new Promise<JsonObject>((resolve, reject) => {
          connection.pending.set(id, { resolve, reject });
        });
        // It may be lost while the message is still being handed over, and nobody waits for it yet.
        reply.catch(() => undefined);
        try {
          await Promise.race([this.#handOver(connection, { command, message }, signal), aborted]);
          sent = true;
          onSent();
          return await Promise.race([reply, aborted]);
        } catch (error) {
          // Another request took this connection with it before the message left: it goes over the next one.
          if (!sent && connection.retired && this.#open && !signal.aborted) continue;
          // A caller that lost interest in a reply leaves the connection as good as it was.
          if (!sent || error instanceof TimeIsUp) this.#retire(connection);
          throw error;
        } finally {
          connection.pending.delete(id);
          closeWhenDone(connection);
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Waits for its turn and a live peer; `signal` ends both, and takes the message back. */
  async #handOver(
    connection: Connection,
    { command, message }: { command: string; message: string },
    signal: AbortSignal,
  ): Promise<void> {
    const turn = connection.handover;
    const sending = (async () => {
      await turn;
      signal.throwIfAborted();
      if (connection.retired) throw this.#lost(command);
      // A message that waits for a peer cannot be recalled, except by closing the socket. Nothing is lost
      // by that: without a peer no reply to the other requests can come on this connection either.
      const recall = () => connection.socket.close();
      signal.addEventListener('abort', recall, { once: true });
      try {
        await connection.socket.send(message);
      } catch (cause) {
        throw this.#lost(command, cause);
      } finally {
        signal.removeEventListener('abort', recall);
      }
    })();
    connection.handover = sending.catch(() => undefined);
    await sending;
  }

  #connection(): Connection {
    if (!this.#open) {
      throw new InternalError('internal', `${this.#options.component} was called before connect().`);
    }
    if (this.#current !== null) return this.#current;
    const socket = new Dealer({
      // Without `immediate` ZeroMQ queues messages for a peer that is not there yet.
      immediate: true,
      linger: 0,
      reconnectInterval: RECONNECT_MS,
      reconnectMaxInterval: RECONNECT_AT_MOST_MS,
    });
    socket.connect(this.#options.endpoint);
    const connection: Connection = {
      socket,
      pending: new Map(),
      handover: Promise.resolve(),
      retired: false,
    };
    this.#current = connection;
    socket.events.on('disconnect', () => this.#abandon(connection));
    void this.#receive(connection);
    return connection;
  }

  /**
   * Ends a connection whose component went away: no more replies will come (with `immediate` ZeroMQ drops those
   * not yet read as well), so nobody waits for them until the time is up. What was not yet sent goes over
   * the next connection.
   */
  #abandon(connection: Connection): void {
    this.#retire(connection);
    for (const { reject } of connection.pending.values()) reject(this.#lost('wait for the reply'));
    if (!connection.socket.closed) connection.socket.close();
  }

  async #receive(connection: Connection): Promise<void> {
    try {
      for await (const [part] of connection.socket) {
        const reply = parseReply(part);
        // A reply without a waiting request is late: its request has been given up.
        if (reply !== null && typeof reply.id === 'number') connection.pending.get(reply.id)?.resolve(reply);
      }
    } catch {
      // Receiving ends with an error when the socket is closed in the middle; every request has its own bounds.
      this.#retire(connection);
    }
  }

  #retire(connection: Connection): void {
    connection.retired = true;
    if (this.#current === connection) this.#current = null;
  }

  #read(reply: JsonObject, facts: ErrorFacts): JsonObject {
    const params = isJsonObject(reply.params) ? reply.params : {};
    const { component } = this.#options;
    if (reply.msg_type === 'ack') return params;
    if (reply.msg_type === 'nack') {
      const words = typeof params.error === 'string' ? params.error : JSON.stringify(params);
      throw new ComponentFailedError(
        'component_refused',
        `${component} refused to ${facts.operation}: ${words}`,
        {
          ...facts,
          expected: 'ack',
          actual: words,
          hint: `Correct what the ${component} complains of, or reset and try again.`,
        },
      );
    }
    throw new ComponentFailedError('bad_answer', `${component} answered neither ack nor nack.`, {
      ...facts,
      expected: 'msg_type ack or nack',
      actual: reply.msg_type ?? null,
      hint: `Check that ${this.#options.endpoint} is the control port of the ${component}.`,
    });
  }

  #silent(sent: boolean, facts: ErrorFacts, timeoutMs: number): ComponentSilentError {
    const { component, endpoint } = this.#options;
    if (!sent) return this.#lost(facts.operation ?? '');
    return new ComponentSilentError(
      'component_timeout',
      `${component} did not reply within ${timeoutMs} ms (${facts.operation}).`,
      {
        ...facts,
        expected: 'ack or nack',
        actual: `nothing for ${timeoutMs} ms from ${endpoint}`,
        hint: `It hangs, or rejected the message without a word: look at the log of the ${component}.`,
      },
    );
  }

  #lost(operation: string, cause?: unknown): ComponentSilentError {
    const { component, endpoint } = this.#options;
    return new ComponentSilentError(
      'component_unreachable',
      `${component} cannot be reached at ${endpoint}.`,
      {
        component,
        operation,
        expected: 'a ZeroMQ connection',
        actual: 'no connection',
        hint: `Check that the ${component} runs and listens at ${endpoint}.`,
        cause,
      },
    );
  }
}

function closeWhenDone(connection: Connection): void {
  if (connection.retired && connection.pending.size === 0 && !connection.socket.closed)
    connection.socket.close();
}

function parseReply(part: Buffer | undefined): JsonObject | null {
  if (part === undefined) return null;
  try {
    const value: JsonValue = JSON.parse(part.toString('utf8'));
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
