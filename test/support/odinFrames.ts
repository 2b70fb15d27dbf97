import { Pull } from 'zeromq';
import { type Hdf5, loadHdf5 } from '../../src/files/hdf5.js';
import type { Frame } from '../../src/writer/decoders/decoder.js';
import { createDecoder } from '../../src/writer/decoders/dialects.js';
import type { FakeFrameProcessor } from './fakeFrameProcessor.js';

/**
 * The way of the images through odin-data, from a DECTRIS detector's stream (version 1) to the file of a stand-in for the
 * FrameProcessor: a stack `data`, as its FileWriterPlugin makes it.
 */
export class OdinFrames {
  readonly #hdf5: Hdf5;
  readonly #processor: FakeFrameProcessor;
  readonly #stream = new Pull({ linger: 0 });
  readonly #images = new Map<number, Uint16Array>();
  #shape: readonly [number, number] = [0, 0];

  private constructor(hdf5: Hdf5, processor: FakeFrameProcessor) {
    this.#hdf5 = hdf5;
    this.#processor = processor;
    processor.onClose = (path) => this.#write(path);
  }

  /** @param stream - ZeroMQ address of the detector. */
  static async open(processor: FakeFrameProcessor, stream: string): Promise<OdinFrames> {
    const frames = new OdinFrames(await loadHdf5(), processor);
    frames.#stream.connect(stream);
    void frames.#receive();
    return frames;
  }

  close(): void {
    this.#stream.close();
  }

  async #receive(): Promise<void> {
    const decoder = createDecoder('simplon-v1');
    for await (const parts of this.#stream) {
      const decoded = decoder.decode(parts, 0);
      if (typeof decoded === 'string') continue;
      for (const one of 'number' in decoded ? [decoded] : decoded)
        if (typeof one !== 'string') this.#take(one);
    }
  }

  #take({ number, rows, columns, pixels }: Frame): void {
    if (!this.#processor.writing) return;
    this.#shape = [rows, columns];
    // The decoder uses its memory again for the next image.
    this.#images.set(number, new Uint16Array(Uint8Array.from(pixels).buffer));
    this.#processor.take([number]);
  }

  #write(path: string): void {
    const [rows, columns] = this.#shape;
    const frames = Math.max(-1, ...this.#images.keys()) + 1;
    const data = new Uint16Array(frames * rows * columns);
    for (const [number, image] of this.#images) data.set(image, number * rows * columns);
    this.#images.clear();
    const file = new this.#hdf5.File(path, 'w');
    file.create_dataset({ name: 'data', data, shape: [frames, rows, columns], dtype: '<H' });
    file.close();
  }
}
