import { Pull } from 'zeromq';
import {
  badAddress,
  type FrameSource,
  type Message,
  RECONNECT_INTERVAL_MS,
  type StreamOptions,
} from './frameStream.js';

/** Frames from bound PUSH sockets (ZeroMQ PULL, connecting). They keep what they cannot send, until we are there. */
export class PullStream implements FrameSource {
  readonly #socket: Pull;
  #isClosed = false;

  /** @throws InvalidRequestError `invalid_body` when an address is none ZeroMQ knows. */
  constructor({ addresses, highWaterMark }: StreamOptions) {
    this.#socket = new Pull({
      receiveHighWaterMark: highWaterMark,
      linger: 0,
      reconnectInterval: RECONNECT_INTERVAL_MS,
    });
    for (const address of addresses) {
      try {
        this.#socket.connect(address);
      } catch (error) {
        this.#socket.close();
        throw badAddress(address, error);
      }
    }
  }

  /** At once: senders wait for us. */
  async connected(): Promise<void> {}

  async receive(): Promise<Message | null> {
    try {
      return { parts: await this.#socket.receive(), source: 0 };
    } catch (error) {
      if (this.#isClosed) return null;
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#socket.closed) this.#socket.close();
  }
}
