import { Agent, get, request } from 'node:http';
import { parseServerSentEvents } from '../src/client/sseParser.js';
import type { JsonObject } from '../src/contracts/json.js';

/** An event as it came over the wire, with the time it came. */
interface Arrived {
  readonly atMs: number;
  readonly type: string;
  readonly data: JsonObject;
}

const LONGEST_WAIT_MS = 60_000;

/** The REST API over one kept connection, and the events beside it: little that would count as the server's time. */
export class Api {
  readonly url: string;
  /** Events that have come so far, and characters of their data. */
  readonly received = { events: 0, characters: 0 };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #ending = new AbortController();
  readonly #listeners = new Set<(event: Arrived) => void>();

  private constructor(url: string) {
    this.url = url;
  }

  /** Connects; events are followed from now on. */
  static async connect(url: string): Promise<Api> {
    const api = new Api(url);
    await api.#follow();
    return api;
  }

  /** Throws with the server's own words unless it says ok. */
  async call(method: string, path: string, body?: unknown): Promise<JsonObject> {
    return JSON.parse(await this.text(method, path, body)) as JsonObject;
  }

  /** The answer as it came; throws with the server's own words unless it says ok. */
  async text(method: string, path: string, body?: unknown): Promise<string> {
    const text = await this.#exchange(method, `/api/v1/${path}`, body);
    const answer = JSON.parse(text) as JsonObject;
    if (answer.state !== 'ok') throw new Error(`${method} ${path}: ${text}`);
    return text;
  }

  /** Waits for a status, told by the events from now on; answers when it came, on the clock of `performance.now`. */
  status(wanted: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`No ${wanted} within ${LONGEST_WAIT_MS} ms.`));
      }, LONGEST_WAIT_MS);
      const listener = ({ type, data, atMs }: Arrived) => {
        if (type !== 'state') return;
        if (data.status === `IntegrationStatus.${wanted}`) {
          end();
          resolve(atMs);
        } else if (data.status === 'IntegrationStatus.ERROR') {
          end();
          reject(new Error(String(data.details)));
        }
      };
      this.#listeners.add(listener);
    });
  }

  close(): void {
    this.#ending.abort();
    this.#agent.destroy();
  }

  #exchange(method: string, path: string, body: unknown): Promise<string> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.url}${path}`,
        {
          method,
          agent: this.#agent,
          headers:
            payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) },
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          answer.once('end', () => resolve(text));
          answer.once('error', reject);
        },
      );
      sent.once('error', reject);
      sent.setNoDelay(true);
      sent.end(payload);
    });
  }

  #follow(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#ending;
      get(`${this.url}/api/v1/events`, { agent: false, signal }, (answer) => {
        resolve();
        void this.#read(answer).catch(() => undefined);
      }).once('error', reject);
    });
  }

  async #read(answer: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const { type, data } of parseServerSentEvents(answer)) {
      this.received.events += 1;
      this.received.characters += data.length;
      const event = { atMs: performance.now(), type, data: JSON.parse(data) as JsonObject };
      for (const listener of [...this.#listeners]) listener(event);
    }
  }
}
