import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { XPublisher } from 'zeromq';

/** A message as a receiver has sent it. */
export interface ReceiverMessage {
  readonly port: number;
  readonly parts: readonly Buffer[];
}

/** What a header of a test says; the rest is as the recordings have it. */
export type HeaderFields = Record<string, unknown>;

/** The recorded messages of `test/fixtures/sls/receiver<name>.jsonl.gz`, in their order. */
export async function recordedStream(name: 'Eiger' | 'Jungfrau'): Promise<ReceiverMessage[]> {
  const url = new URL(`../../../test/fixtures/sls/receiver${name}.jsonl.gz`, import.meta.url);
  const text = (await promisify(gunzip)(await readFile(url))).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { port, parts } = JSON.parse(line) as { port: number; parts: string[] };
      // The header is recorded as it is, all else in base64.
      return { port, parts: parts.map((part, index) => Buffer.from(part, index === 0 ? 'utf8' : 'base64')) };
    });
}

/** The header of a recorded or made message. */
export function headerOf({ parts }: Pick<ReceiverMessage, 'parts'>): HeaderFields {
  return JSON.parse(String(parts[0])) as HeaderFields;
}

/** A header as receivers send it, for an image of one part of 2x3 pixels, 16 bit, unless said otherwise. */
export function receiverHeader(fields: HeaderFields): Buffer {
  const header = {
    jsonversion: 5,
    bitmode: 16,
    detshape: [1, 1],
    shape: [3, 2],
    frameIndex: 0,
    data: 1,
    completeImage: 1,
    frameNumber: 100,
    row: 0,
    column: 0,
    flipRows: 0,
    detType: 3,
    ...fields,
  };
  return Buffer.from(`${JSON.stringify(header)}\n`);
}

/** A bound publisher that knows whether anybody has subscribed: what is sent before that is dropped. */
class ReceiverSocket {
  readonly #socket = new XPublisher({ linger: 0, sendHighWaterMark: 10_000, verbosity: 'allSubsUnsubs' });
  #subscriptions = 0;
  #subscribed: () => void = () => undefined;

  static async open(): Promise<ReceiverSocket> {
    const socket = new ReceiverSocket();
    await socket.#socket.bind('tcp://127.0.0.1:*');
    void socket.#count();
    return socket;
  }

  get address(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  /** Once somebody has subscribed. */
  async send(parts: readonly Buffer[]): Promise<void> {
    while (this.#subscriptions === 0) {
      await new Promise<void>((resolve) => {
        this.#subscribed = resolve;
      });
    }
    await this.#socket.send([...parts]);
  }

  close(): void {
    this.#socket.close();
  }

  async #count(): Promise<void> {
    try {
      for await (const [message] of this.#socket) {
        this.#subscriptions += message?.[0] === 1 ? 1 : -1;
        this.#subscribed();
      }
    } catch (error) {
      if (!this.#socket.closed) throw error;
    }
  }
}

/** Receivers' sending ends: bound PUB sockets. */
export class ReceiverSockets {
  readonly #sockets = new Map<number, ReceiverSocket>();

  /** @param names - A socket for each; recordings have port numbers. */
  static async open(names: readonly number[]): Promise<ReceiverSockets> {
    const sockets = new ReceiverSockets();
    for (const name of names) sockets.#sockets.set(name, await ReceiverSocket.open());
    return sockets;
  }

  /** All addresses, as the writer takes them. */
  get addresses(): string {
    return [...this.#sockets.values()].map((socket) => socket.address).join(',');
  }

  async send({ port, parts }: ReceiverMessage): Promise<void> {
    await this.#sockets.get(port)?.send(parts);
  }

  async sendAll(messages: Iterable<ReceiverMessage>): Promise<void> {
    for (const message of messages) await this.send(message);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }
}
