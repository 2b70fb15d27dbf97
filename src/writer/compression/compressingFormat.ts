import { bitshuffleFilter, SMALLEST_CHUNK_BYTES } from '../decoders/compressedChunk.js';
import type { Frame } from '../decoders/decoder.js';
import type {
  AcquisitionDescription,
  Arrival,
  Completion,
  FileFormat,
  FrameFile,
  ParameterValue,
} from '../formats/format.js';
import { BYTES_PER_VALUE } from '../pixelTypes.js';
import { giveBack } from '../streams/messageMemory.js';
import type { Compressing, Compressor } from './compressor.js';

/** Makes files of another format, whose frames are compressed before they are written. */
export class CompressingFormat implements FileFormat {
  constructor(
    readonly format: FileFormat,
    readonly compressor: () => Compressor,
  ) {}

  create(path: string, description: AcquisitionDescription): FrameFile {
    const file = this.format.create(path, description);
    return path === '/dev/null' ? file : new CompressingFile(file, this.compressor());
  }
}

/**
 * A file to which frames go compressed, in the order in which they have come. Those that come compressed, and those that are too
 * small, go as they are.
 */
class CompressingFile implements FrameFile {
  readonly #file: FrameFile;
  readonly #compressor: Compressor;
  #isPrepared = false;
  /** Resolves when all frames so far were handed on. */
  #handedOn: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(file: FrameFile, compressor: Compressor) {
    this.#file = file;
    this.#compressor = compressor;
  }

  get framesWritten(): number {
    return this.#file.framesWritten;
  }

  get bytesWritten(): number {
    return this.#file.bytesWritten;
  }

  setParameter(name: string, value: ParameterValue): void {
    this.#file.setParameter(name, value);
  }

  write(frame: Frame, arrival: Arrival): void {
    this.#check();
    const { pixels, type, filter, isBorrowed = false } = frame;
    if (filter !== undefined || pixels.byteLength < SMALLEST_CHUNK_BYTES) {
      this.#file.write(frame, arrival);
      return;
    }
    const elementBytes = BYTES_PER_VALUE[type];
    if (!this.#isPrepared) this.#compressor.prepare({ bytes: pixels.byteLength, elementBytes });
    this.#isPrepared = true;
    const compressing = this.#compressor.compress({ pixels, isBorrowed, copied: arrival.written });
    const packed = { ...frame, isBorrowed: false, filter: bitshuffleFilter(elementBytes) };
    this.#handedOn = this.#handOn(packed, { compressing, before: this.#handedOn, arrival });
    this.#handedOn.catch((error: Error) => {
      this.#failure ??= error;
    });
  }

  room(): Promise<void> | undefined {
    this.#check();
    return this.#file.room() ?? this.#compressor.room();
  }

  async flush(): Promise<void> {
    await this.#handedOn;
    await this.#file.flush();
  }

  async close(completion: Completion): Promise<void> {
    await this.#handedOn;
    await this.#file.close(completion);
  }

  async abandon(completion: Completion): Promise<void> {
    // The failure that led here is the one that is reported.
    await this.#handedOn.catch(() => undefined);
    await this.#file.abandon(completion);
  }

  async #handOn(frame: Frame, { compressing, before, arrival }: Turn): Promise<void> {
    try {
      const pixels = await compressing.chunk;
      await before;
      const written = () => giveBack([Buffer.from(pixels.buffer)]);
      this.#file.write({ ...frame, pixels }, { ...arrival, written });
    } finally {
      compressing.done();
    }
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

interface Turn {
  readonly compressing: Compressing;
  readonly before: Promise<void>;
  readonly arrival: Arrival;
}
