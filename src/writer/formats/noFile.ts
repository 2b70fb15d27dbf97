import type { Frame } from '../decoders/decoder.js';
import type { Arrival, FrameFile } from './format.js';

/** What stands for a file in runs of which nothing is kept (`/dev/null`): frames are counted. */
export class NoFile implements FrameFile {
  framesWritten = 0;
  bytesWritten = 0;

  write({ pixels }: Frame, { written }: Arrival): void {
    this.framesWritten += 1;
    this.bytesWritten += pixels.byteLength;
    written();
  }

  room(): undefined {
    return undefined;
  }

  async flush(): Promise<void> {}

  setParameter(): void {}

  async close(): Promise<void> {}

  async abandon(): Promise<void> {}
}
