import { Push } from 'zeromq';
import { until } from './writerProgram.js';

/** What to send instead of a 4x6 uint16 frame whose first pixel is its number. */
export interface FrameOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly type?: string;
  readonly pixels?: Buffer;
  readonly extra?: Record<string, unknown>;
}

/** The parts of an `array-1.0` message. */
export function frameMessage(number: number, options: FrameOptions = {}): [string, Buffer] {
  const { rows = 4, columns = 6, type = 'uint16', extra = {} } = options;
  const pixels = options.pixels ?? Buffer.alloc(rows * columns * 2);
  if (options.pixels === undefined) pixels.writeUInt16LE(number % 65_536, 0);
  return [
    JSON.stringify({ htype: 'array-1.0', type, shape: [rows, columns], frame: number, ...extra }),
    pixels,
  ];
}

/** A backend's sending end: a bound PUSH socket. */
export class FrameSender {
  readonly #socket = new Push({ linger: 0, sendTimeout: 5000 });
  #receivers = 0;

  private constructor() {
    this.#socket.events.on('accept', () => {
      this.#receivers++;
    });
    this.#socket.events.on('disconnect', () => {
      this.#receivers--;
    });
  }

  /**
   * Waits until one writer is connected and those of earlier acquisitions are gone: as long as ZeroMQ has not
   * noticed that one has closed its socket, it gives that one its share of the frames.
   */
  async untilOneReceiver(): Promise<void> {
    await until('one receiver', () => (this.#receivers === 1 ? true : null));
  }

  static async open(): Promise<FrameSender> {
    const sender = new FrameSender();
    await sender.#socket.bind('tcp://127.0.0.1:*');
    return sender;
  }

  get address(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  async send(number: number, options: FrameOptions = {}): Promise<void> {
    await this.#socket.send(frameMessage(number, options));
  }

  async sendAll(numbers: Iterable<number>, options: FrameOptions = {}): Promise<void> {
    for (const number of numbers) await this.send(number, options);
  }

  async sendRaw(...parts: (string | Buffer)[]): Promise<void> {
    await this.#socket.send(parts);
  }

  close(): void {
    this.#socket.close();
  }
}

/** The whole numbers from 0 to `count` - 1. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
