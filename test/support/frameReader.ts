import { Pull } from 'zeromq';

/** A received frame: its number by the header, and the number its first pixel tells. */
export interface ReadFrame {
  readonly header: Record<string, unknown>;
  readonly pixels: Buffer;
}

/** A writer's receiving end of the frame stream: a connected PULL socket. */
export class FrameReader {
  readonly #socket = new Pull({ linger: 0 });

  constructor(address: string) {
    this.#socket.connect(address);
  }

  /** The next frame, or null when none comes within the time. */
  async next(timeoutMs = 5000): Promise<ReadFrame | null> {
    this.#socket.receiveTimeout = timeoutMs;
    try {
      const [header, pixels] = await this.#socket.receive();
      if (header === undefined || pixels === undefined) throw new Error('a frame message has two parts');
      return { header: JSON.parse(header.toString()), pixels };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return null;
      throw error;
    }
  }

  async take(count: number): Promise<ReadFrame[]> {
    const frames: ReadFrame[] = [];
    while (frames.length < count) {
      const frame = await this.next();
      if (frame === null) throw new Error(`only ${frames.length} of ${count} frames came`);
      frames.push(frame);
    }
    return frames;
  }

  close(): void {
    this.#socket.close();
  }
}
