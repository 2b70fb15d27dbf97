import { Push, Subscriber } from 'zeromq';

/** Turns the stream of an SLS receiver with one module into one of the dialect `array-1.0`. */
export class SlsBridge {
  readonly #from = new Subscriber({ receiveHighWaterMark: 0 });
  readonly #to = new Push({ linger: 0, sendHighWaterMark: 0 });

  static async open(stream: string): Promise<SlsBridge> {
    const bridge = new SlsBridge();
    bridge.#from.subscribe();
    bridge.#from.connect(stream);
    await bridge.#to.bind('tcp://127.0.0.1:*');
    void bridge.#relay();
    return bridge;
  }

  get address(): string {
    return this.#to.lastEndpoint ?? '';
  }

  close(): void {
    this.#from.close();
    this.#to.close();
  }

  async #relay(): Promise<void> {
    for await (const [first, pixels] of this.#from) {
      const header: { shape: number[]; frameIndex: number; data: number } = JSON.parse(String(first));
      if (header.data === 0 || pixels === undefined) continue;
      const facts = { htype: 'array-1.0', type: 'uint16', frame: header.frameIndex };
      await this.#to.send([JSON.stringify({ ...facts, shape: header.shape.toReversed() }), pixels]);
    }
  }
}
