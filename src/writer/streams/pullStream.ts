import { Pull } from 'zeromq';
import {
  badAddress,
  type FrameSource,
  type Message,
  RECONNECT_INTERVAL_MS,
  type StreamOptions,
} from './frameStream.js';

/** Bytes kept in memory before the senders are held back, all addresses together; fewer messages where these are large. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
/** Of each address: one is read while the next one comes. */
const FEWEST_WAITING = 2;

/** Frames from bound PUSH sockets (ZeroMQ PULL, connecting). They keep what they cannot send, until we are there. */
export class PullStream implements FrameSource {
  readonly #socket: Pull;
  readonly #addresses: number;
  #highWaterMark: number;
  #isClosed = false;

  /** @throws InvalidRequestError `invalid_body` when an address is none ZeroMQ knows. */
  constructor({ addresses, highWaterMark }: StreamOptions) {
    this.#addresses = addresses.length;
    this.#highWaterMark = highWaterMark;
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
      const parts = await this.#socket.receive();
      this.#limitBytes(parts);
      return { parts, source: 0 };
    } catch (error) {
      if (this.#isClosed) return null;
      throw error;
    }
  }

  /**
   * ZeroMQ's high water mark counts messages, whatever their size. It is only ever lowered: raised while a sender is held
   * back, ZeroMQ would go on holding it back for ever.
   */
  #limitBytes(parts: readonly Buffer[]): void {
    let bytes = 1;
    for (const part of parts) bytes += part.byteLength;
    const fitting = Math.max(FEWEST_WAITING, Math.floor(MOST_WAITING_BYTES / (bytes * this.#addresses)));
    if (fitting >= this.#highWaterMark || this.#socket.closed) return;
    this.#highWaterMark = fitting;
    this.#socket.receiveHighWaterMark = fitting;
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#socket.closed) this.#socket.close();
  }
}
