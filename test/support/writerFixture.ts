import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FrameSender } from './writerFrames.js';
import { WriterProgram } from './writerProgram.js';

/** What a test of `dia writer` needs: a folder, a stream of frames, and the writers that it starts. */
export class WriterFixture {
  readonly #writers: WriterProgram[] = [];

  constructor(
    readonly folder: string,
    readonly sender: FrameSender,
  ) {}

  static async open(): Promise<WriterFixture> {
    return new WriterFixture(await mkdtemp(join(tmpdir(), 'dia-writer-')), await FrameSender.open());
  }

  /** @param wrapper - A command before it, that runs it. */
  async start(args: readonly string[], wrapper: readonly string[] = []): Promise<WriterProgram> {
    const writer = await WriterProgram.start(args, wrapper);
    this.#writers.push(writer);
    return writer;
  }

  async close(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.dispose()));
    this.sender.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
