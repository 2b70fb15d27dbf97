import { writeFile } from 'node:fs/promises';
import type { JsonObject } from '../../src/contracts/json.js';
import { nexus } from '../../src/writer/formats/nexus.js';
import { StackFormat } from '../../src/writer/formats/stackFormat.js';
import { FramePlacement } from '../../src/writer/placement.js';

/** What a file made for a test holds. */
export interface NexusContents {
  readonly expected: number;
  /** Frame numbers in the order they come. */
  readonly frames: readonly number[];
  readonly metadata?: (frameNumber: number) => JsonObject;
  /** Frames after which it is flushed. */
  readonly flushAfter?: readonly number[];
  readonly warn?: (text: string) => void;
  /** What happens between the creation of the file and its first frame. */
  readonly afterCreation?: () => Promise<void>;
}

/** Writes a closed file of 2x3 uint16 frames without a writer program. */
export async function writeNexus(path: string, contents: NexusContents): Promise<void> {
  const format = new StackFormat({
    layout: nexus,
    version: '0.0.0',
    warn: contents.warn ?? (() => undefined),
  });
  await writeFile(path, '');
  const placement = new FramePlacement(contents.expected);
  const file = format.create(path, {
    acquisitionId: 'test',
    acquisition: {},
    framesExpected: contents.expected,
    userId: -1,
    detector: { name: 'detector', badModules: null },
    startedAt: new Date(),
  });
  await contents.afterCreation?.();
  for (const number of contents.frames) {
    placement.take(number);
    const pixels = new Uint8Array(Uint16Array.of(number % 65_536, 0, 0, 0, 0, 0).buffer);
    const metadata = contents.metadata?.(number) ?? {};
    file.write(
      { number, type: 'uint16', rows: 2, columns: 3, pixels, metadata },
      { receivedAtS: number, written: () => undefined },
    );
    if (contents.flushAfter?.includes(number) === true) await file.flush();
  }
  await file.close({
    complete: placement.isComplete,
    framesTaken: placement.written,
    framesMissing: placement.missing,
    framesIncomplete: 0,
  });
}
