import { Subscriber } from 'zeromq';
import { ComponentSilentError } from '../../contracts/errors.js';
import {
  badAddress,
  type FrameSource,
  type Message,
  RECONNECT_INTERVAL_MS,
  type StreamOptions,
  type WaitOptions,
} from './frameStream.js';

/** After so long without a message, what is incomplete stays so. Receivers send the parts of an image within this. */
const QUIET_AFTER_MS = 2000;

/** One publisher, and how far we are with it. */
interface Feed {
  readonly address: string;
  readonly socket: Subscriber;
  /** Resolves when the connection stands, the present one or the next. */
  handshake: Promise<void>;
  isConnected: boolean;
  hasEnded: boolean;
}

/** Who waits in `receive`. */
interface Consumer {
  readonly resolve: (message: Message | 'quiet' | null) => void;
  readonly reject: (error: Error) => void;
}

interface Offer {
  readonly message: Message;
  readonly taken: () => void;
}

/**
 * Frames from PUB sockets (ZeroMQ SUB, connecting), a socket for each address so that messages can be told apart by
 * where they come from.
 *
 * A publisher drops what nobody has subscribed to, so `connected` waits for every handshake: the subscription is the
 * first thing that is sent after it.
 */
export class SubscribeStream implements FrameSource {
  readonly #feeds: readonly Feed[];
  readonly #offers: Offer[] = [];
  #consumer: Consumer | null = null;
  #quietTimer: NodeJS.Timeout | null = null;
  #cameSinceQuiet = false;
  #isClosed = false;
  #failure: Error | null = null;

  /** @throws InvalidRequestError `invalid_body` when an address is none ZeroMQ knows. */
  constructor({ addresses, highWaterMark }: StreamOptions) {
    const feeds: Feed[] = [];
    this.#feeds = feeds;
    for (const address of addresses) {
      const socket = new Subscriber({
        receiveHighWaterMark: highWaterMark,
        linger: 0,
        reconnectInterval: RECONNECT_INTERVAL_MS,
      });
      feeds.push(watchConnection(address, socket));
      socket.subscribe();
      try {
        socket.connect(address);
      } catch (error) {
        this.close();
        throw badAddress(address, error);
      }
    }
    for (const [source, feed] of feeds.entries()) void this.#pump(feed, source);
  }

  async connected({ timeoutMs, signal }: WaitOptions): Promise<void> {
    signal.throwIfAborted();
    const { promise: givenUp, reject } = withReject();
    const timer = setTimeout(() => reject(this.#unreachable(timeoutMs)), timeoutMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([Promise.all(this.#feeds.map(({ handshake }) => handshake)), givenUp]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  async receive(): Promise<Message | 'quiet' | null> {
    const offer = this.#offers.shift();
    if (offer !== undefined) {
      offer.taken();
      return offer.message;
    }
    if (this.#failure !== null) throw this.#failure;
    if (this.#feeds.every(({ hasEnded }) => hasEnded)) return null;
    this.#awaitQuiet();
    return new Promise((resolve, reject) => {
      this.#consumer = { resolve, reject };
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { socket } of this.#feeds) if (!socket.closed) socket.close();
    for (const { taken } of this.#offers.splice(0)) taken();
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#hand(null);
  }

  async #pump(feed: Feed, source: number): Promise<void> {
    try {
      for (;;) {
        const parts = await feed.socket.receive();
        this.#cameSinceQuiet = true;
        await this.#offer({ parts, source });
      }
    } catch (error) {
      if (!this.#isClosed) this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    feed.hasEnded = true;
    if (this.#failure !== null) this.#consumer?.reject(this.#failure);
    else if (this.#feeds.every(({ hasEnded }) => hasEnded)) this.#hand(null);
  }

  /** Resolves when it was taken: what is not wanted yet stays in the socket, where its number is limited. */
  #offer(message: Message): Promise<void> | undefined {
    if (this.#hand(message)) return undefined;
    if (this.#isClosed && this.#feeds.every(({ socket }) => socket.closed)) return undefined;
    return new Promise((taken) => {
      this.#offers.push({ message, taken });
    });
  }

  /** Gives it to whoever waits in `receive`. */
  #hand(message: Message | 'quiet' | null): boolean {
    const consumer = this.#consumer;
    this.#consumer = null;
    consumer?.resolve(message);
    return consumer !== null;
  }

  #awaitQuiet(): void {
    if (!this.#cameSinceQuiet) return;
    if (this.#quietTimer !== null) {
      this.#quietTimer.refresh();
      return;
    }
    this.#quietTimer = setTimeout(() => {
      // Nobody waits when frames come faster than they are written.
      if (this.#consumer === null) return;
      this.#cameSinceQuiet = false;
      this.#hand('quiet');
    }, QUIET_AFTER_MS);
  }

  #unreachable(timeoutMs: number): ComponentSilentError {
    const missing = this.#feeds.filter(({ isConnected }) => !isConnected).map(({ address }) => address);
    return new ComponentSilentError(
      'component_unreachable',
      `Nobody publishes frames at ${missing.join(', ')}: no connection within ${timeoutMs} ms.`,
      {
        component: 'writer',
        operation: 'connect to the frame stream',
        expected: `a publisher at each of ${this.#feeds.map(({ address }) => address).join(', ')}`,
        actual: missing,
        hint: 'Check that the receivers run with their ZeroMQ stream enabled (rx_zmqstream 1), and their rx_zmqport.',
      },
    );
  }
}

function watchConnection(address: string, socket: Subscriber): Feed {
  let connected: () => void = () => undefined;
  const next = () =>
    new Promise<void>((resolve) => {
      connected = resolve;
    });
  const feed: Feed = {
    address,
    socket,
    handshake: next(),
    isConnected: false,
    hasEnded: false,
  };
  socket.events.on('handshake', () => {
    feed.isConnected = true;
    connected();
  });
  socket.events.on('disconnect', () => {
    if (feed.isConnected) feed.handshake = next();
    feed.isConnected = false;
  });
  return feed;
}

function withReject(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, fail) => {
    reject = fail;
  });
  // Whoever waits hears of it; nobody has to wait.
  promise.catch(() => undefined);
  return { promise, reject };
}
