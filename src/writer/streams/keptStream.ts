import { setImmediate as afterIo } from 'node:timers/promises';
import type { FrameSource, FrameStream, Message, WaitOptions } from './frameStream.js';
import { giveBack } from './messageMemory.js';

type Received = Message | 'quiet' | null;

/**
 * A stream that stays connected from one acquisition to the next. What arrives between them is thrown away: it belongs
 * to none. With new sockets for each, a sender that has not noticed yet that the last ones are gone would give them
 * frames of the next run, and these would be lost.
 */
export class KeptStream {
  readonly #source: FrameSource;
  #pending: Promise<Received> | null = null;
  #borrower: BorrowedStream | null = null;
  #isClosed = false;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /** Whether it can still be lent: its sockets work. */
  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** The stream for one acquisition, which gives it back by closing it. */
  lend(): FrameStream {
    this.#borrower = new BorrowedStream(this);
    return this.#borrower;
  }

  connected(options: WaitOptions): Promise<void> {
    return this.#source.connected(options);
  }

  /** The next message, for whoever asks; one that nobody has taken is still there for the next one who asks. */
  async next(): Promise<{ message: Received; take: () => void }> {
    const pending = (this.#pending ?? this.#source.receive()) as Promise<Received>;
    this.#pending = pending;
    const take = () => {
      if (this.#pending === pending) this.#pending = null;
    };
    try {
      return { message: await pending, take };
    } catch (error) {
      this.close();
      throw error;
    }
  }

  giveBack(borrower: BorrowedStream): void {
    if (this.#borrower !== borrower) return;
    this.#borrower = null;
    void this.#drain();
  }

  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }

  async #drain(): Promise<void> {
    while (this.#borrower === null && !this.#isClosed) {
      const next = await this.next().catch(() => null);
      if (next === null || next.message === null || this.#borrower !== null) return;
      next.take();
      if (next.message !== 'quiet') giveBack(next.message.parts);
      // However fast messages come, others get their turn.
      await afterIo();
    }
  }
}

class BorrowedStream implements FrameStream {
  readonly #kept: KeptStream;
  #waiting: ((received: Received) => void) | null = null;
  #isEnding = false;
  #isClosed = false;

  constructor(kept: KeptStream) {
    this.#kept = kept;
  }

  connected(options: WaitOptions): Promise<void> {
    return this.#kept.connected(options);
  }

  receive(): Promise<Received> {
    if (this.#isClosed) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#kept.next().then(({ message, take }) => {
        if (this.#waiting !== resolve) return;
        take();
        this.#answer(message);
      }, reject);
      // What has arrived already is there within a turn of the event loop.
      if (this.#isEnding) setImmediate(() => this.#waiting === resolve && this.#answer(null));
    });
  }

  endWhenEmpty(): void {
    this.#isEnding = true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#answer(null);
    this.#kept.giveBack(this);
  }

  #answer(received: Received): void {
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve?.(received);
  }
}

/** Keeps the stream of the last acquisition for the next one, when that is on the same addresses. */
export class StreamKeeper {
  #kept: { readonly key: string; readonly stream: KeptStream } | null = null;

  /** @param key - What makes two streams the same. */
  lend(key: string, open: () => FrameSource): FrameStream {
    if (this.#kept?.key !== key || !this.#kept.stream.isOpen) {
      this.close();
      this.#kept = { key, stream: new KeptStream(open()) };
    }
    return this.#kept.stream.lend();
  }

  close(): void {
    this.#kept?.stream.close();
    this.#kept = null;
  }
}
