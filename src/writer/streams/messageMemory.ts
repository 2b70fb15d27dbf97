import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Message } from './frameStream.js';

/** Less than this is not worth the call; ZeroMQ's own binding copies messages of up to 128 bytes. */
const SMALLEST_BYTES = 1024;
const FLAG = 'harmony-rab-gsab-transfer';
/** The most that the C library's allocator keeps to itself, with what it adds of its own. */
const LARGEST_KEPT_BYTES = 32 * 1024 * 1024 - 8192;

type Transfer = (this: ArrayBufferLike, sizeBytes: number) => ArrayBuffer;

let transfer: Transfer | null | undefined;

/**
 * Gives the memory of a message's parts back to ZeroMQ, now rather than when V8 collects what nobody refers to any more:
 * V8 counts this memory, and goes through its whole heap after each 15 MiB of it. The parts are empty afterwards.
 *
 * Only for buffers that ZeroMQ has made: others may share their memory.
 */
export function giveBack(parts: readonly Buffer[]): void {
  if (transfer === undefined) {
    transfer = findTransfer();
    keepFreed(transfer);
  }
  for (const { buffer, byteLength } of parts) {
    if (byteLength >= SMALLEST_BYTES && byteLength === buffer.byteLength) transfer?.call(buffer, 0);
  }
}

/** `ArrayBuffer.prototype.transfer`, which Node has from 22 on; 20 has it behind a flag, for contexts made after it is set. */
function findTransfer(): Transfer | null {
  const find = 'ArrayBuffer.prototype.transfer ?? null';
  const own = runInNewContext(find) as Transfer | null;
  if (own !== null) return own;
  setFlagsFromString(`--${FLAG}`);
  try {
    return runInNewContext(find) as Transfer | null;
  } finally {
    setFlagsFromString(`--no-${FLAG}`);
  }
}

/**
 * Makes the C library keep the memory of messages for the next ones. It hands everything back to the system that is larger
 * than what was ever freed, and the next message then pays for each page anew; so something large is freed once. No page of it
 * is ever touched.
 */
function keepFreed(free: Transfer | null): void {
  free?.call(Buffer.allocUnsafeSlow(LARGEST_KEPT_BYTES).buffer, 0);
}

/** The memory of a message, as long as frames lie in it. */
export class MessageMemory {
  readonly #message: Message;
  #holders = 1;

  /** Held once, for as long as the message is read. */
  constructor(message: Message) {
    this.#message = message;
  }

  hold(): void {
    this.#holders += 1;
  }

  /** The last one who does gives it back. */
  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) giveBack(this.#message.parts);
  }
}
