import { XPublisher } from 'zeromq';

const LOOK_EVERY_MS = 2;
const COLUMNS = 1024;
const ROWS = 512;

/**
 * The stream of a receiver with one Jungfrau module: messages as they were recorded, images with the number of the
 * frame in every pixel. `received` tells how many frames the receiver has of this run.
 *
 * A publisher drops what nobody has subscribed to yet. A real detector's first frame comes late enough; here the images
 * wait for a subscriber.
 */
export class SlsStream {
  readonly #socket = new XPublisher({ linger: 0, sendHighWaterMark: 0, verbosity: 'allSubsUnsubs' });
  readonly #received: () => number;
  #sent = 0;
  #firstFrameNumber = 1;
  #subscribers = 0;
  #looking: NodeJS.Timeout | null = null;
  #sending = Promise.resolve();

  constructor(received: () => number) {
    this.#received = received;
  }

  get address(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  async open(): Promise<void> {
    await this.#socket.bind('tcp://127.0.0.1:*');
    void this.#heed();
  }

  begin(): void {
    this.#firstFrameNumber += this.#sent;
    this.#sent = 0;
    this.#looking ??= setInterval(() => this.#sendNew(), LOOK_EVERY_MS);
  }

  /** Sends what is left, and the message that ends a run. */
  end(): void {
    if (this.#looking === null) return;
    clearInterval(this.#looking);
    this.#looking = null;
    this.#sendNew();
    this.#send([header({ data: 0 })]);
  }

  /** Subscriptions are messages that begin with 1, their ends with 0. */
  async #heed(): Promise<void> {
    for await (const [message] of this.#socket) this.#subscribers += message?.[0] === 1 ? 1 : -1;
  }

  #sendNew(): void {
    if (this.#subscribers === 0) return;
    for (const total = this.#received(); this.#sent < total; this.#sent++) {
      const number = this.#firstFrameNumber + this.#sent;
      const image = new Uint16Array(COLUMNS * ROWS).fill(this.#sent);
      const facts = {
        ...{ bitmode: 16, detshape: [1, 1], shape: [COLUMNS, ROWS], size: image.byteLength },
        ...{ acqIndex: number, frameIndex: this.#sent, fname: '//run', data: 1, completeImage: 1 },
        ...{ frameNumber: number, packetNumber: 128, modId: 1234, detType: 3, version: 2 },
        rx_roi: [0, COLUMNS - 1, 0, ROWS - 1],
      };
      this.#send([header(facts), Buffer.from(image.buffer)]);
    }
  }

  #send(parts: (string | Buffer)[]): void {
    this.#sending = this.#sending.then(() => this.#socket.send(parts));
  }
}

/** Part 1, with every field that the real one has, in its order and with its newline at the end. */
function header(facts: Record<string, unknown>): string {
  const all = {
    ...{ jsonversion: 5, bitmode: 0, fileIndex: 0, detshape: [0, 0], shape: [0, 0], size: 0, acqIndex: 0 },
    ...{ frameIndex: 0, progress: 0, fname: '', data: 0, completeImage: 0, frameNumber: 0, expLength: 0 },
    ...{ packetNumber: 0, detSpec1: 0, timestamp: 0, modId: 0, row: 0, column: 0, detSpec2: 0, detSpec3: 0 },
    ...{ detSpec4: 0, detType: 0, version: 0, flipRows: 0, quad: 0, rx_roi: [0, 0, 0, 0] },
    ...facts,
  };
  return `${JSON.stringify(all)}\n`;
}
