import { InvalidRequestError } from '../../contracts/errors.js';

/** A sender that comes back, or begins its stream anew, is found again within this. */
export const RECONNECT_INTERVAL_MS = 10;

/** One message of a stream. */
export interface Message {
  readonly parts: readonly Buffer[];
  /** Which of the addresses it came from, from 0; always 0 where that is not known. */
  readonly source: number;
}

/** How long to wait for something. */
export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The receiving end of a frame stream. */
export interface FrameSource {
  /**
   * Resolves once no message that is sent from now on can be missed.
   *
   * @throws ComponentSilentError `component_unreachable` when that takes too long.
   */
  connected(options: WaitOptions): Promise<void>;
  /**
   * The next message; null after `close`; `quiet` when messages have come and then none for a while (only where senders
   * do not wait for us).
   *
   * @throws Error when the socket has failed.
   */
  receive(): Promise<Message | 'quiet' | null>;
  /** Ends it at once; a pending `receive` answers null. */
  close(): void;
}

/** The frame stream of one acquisition. */
export interface FrameStream extends FrameSource {
  /**
   * From now on only what has already arrived is received, then null. Not to be called while `receive` is pending.
   */
  endWhenEmpty(): void;
}

/** How a frame stream is received. */
export interface StreamOptions {
  /** `tcp://host:port` or `ipc:///path`, at least one. */
  readonly addresses: readonly string[];
  /** Messages kept in memory for each address, before the sender is held back or its messages are dropped. */
  readonly highWaterMark: number;
}

/** The addresses in a text that separates them by commas. */
export function splitAddresses(text: string): string[] {
  return text
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
}

/** The error for an address that ZeroMQ does not know. */
export function badAddress(address: string, cause: unknown): InvalidRequestError {
  return new InvalidRequestError('invalid_body', `Cannot connect to the stream address ${address}.`, {
    component: 'writer',
    operation: 'connect to the frame stream',
    expected: 'an address such as tcp://127.0.0.1:40000',
    actual: address,
    hint: 'Correct the stream address; it is the address that the frames are sent on.',
    cause,
  });
}
