import { Push } from 'zeromq';

const LOOK_EVERY_MS = 2;
const ROWS = 16;
const COLUMNS = 32;

/**
 * What a detector sends to the simulated backend: an `array-1.0` message for each frame, with the number of the frame in
 * every pixel. `exposed` tells how many frames there are of this run.
 */
export class ArrayStream {
  readonly #socket = new Push({ linger: 0 });
  readonly #exposed: () => number;
  #series = 0;
  #sent = 0;
  #looking: NodeJS.Timeout | null = null;
  #sending: Promise<void> = Promise.resolve();

  constructor(exposed: () => number) {
    this.#exposed = exposed;
  }

  get address(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  open(): Promise<void> {
    return this.#socket.bind('tcp://127.0.0.1:*');
  }

  begin(): void {
    this.#series += 1;
    this.#sent = 0;
    this.#looking ??= setInterval(() => this.#sendNew(), LOOK_EVERY_MS);
  }

  end(): void {
    if (this.#looking === null) return;
    clearInterval(this.#looking);
    this.#looking = null;
    this.#sendNew();
  }

  #sendNew(): void {
    for (const total = this.#exposed(); this.#sent < total; this.#sent++) {
      const image = new Uint16Array(ROWS * COLUMNS).fill(this.#sent);
      const facts = { frame: this.#sent, series: this.#series, type: 'uint16', shape: [ROWS, COLUMNS] };
      const parts = [JSON.stringify({ htype: 'array-1.0', ...facts }), Buffer.from(image.buffer)];
      this.#sending = this.#sending.then(() => this.#socket.send(parts));
    }
  }
}
