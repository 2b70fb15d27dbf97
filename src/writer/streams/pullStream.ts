import { Pull } from 'zeromq';
import { InvalidRequestError } from '../../contracts/errors.js';

/** How a frame stream is received. */
export interface PullOptions {
  /** `tcp://host:port` or `ipc:///path` of a bound PUSH socket. */
  readonly address: string;
  /** Messages kept in memory before the sender is held back. */
  readonly highWaterMark: number;
}

/**
 * The receiving end of one acquisition's frame stream (ZeroMQ PULL, connecting). A new one for each acquisition:
 * what was still on its way when the last one ended is gone with its socket.
 */
export class PullStream {
  readonly #socket: Pull;
  #ending = false;

  /** @throws InvalidRequestError `invalid_body` when the address is none ZeroMQ knows. */
  constructor(options: PullOptions) {
    this.#socket = new Pull({ receiveHighWaterMark: options.highWaterMark, linger: 0 });
    try {
      this.#socket.connect(options.address);
    } catch (error) {
      this.#socket.close();
      throw new InvalidRequestError(
        'invalid_body',
        `Cannot connect to the stream address ${options.address}.`,
        {
          component: 'writer',
          operation: 'connect to the frame stream',
          expected: 'an address such as tcp://127.0.0.1:40000',
          actual: options.address,
          hint: 'Correct the stream address; it is the address the backend sends its frames on.',
          cause: error,
        },
      );
    }
  }

  /** The next message; null after `close`, or when nothing is left after `endWhenEmpty`. */
  async receive(): Promise<readonly Buffer[] | null> {
    try {
      return await this.#socket.receive();
    } catch (error) {
      if (this.#ending) return null;
      throw error;
    }
  }

  /** From now on only what has already arrived is received. Not to be called while `receive` is pending. */
  endWhenEmpty(): void {
    this.#ending = true;
    this.#socket.receiveTimeout = 0;
  }

  /** Ends it at once; a pending `receive` answers null. */
  close(): void {
    this.#ending = true;
    if (!this.#socket.closed) this.#socket.close();
  }
}
