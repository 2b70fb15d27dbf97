import type { JsonObject } from '../../contracts/json.js';
import type { PixelType } from '../pixelTypes.js';

/** Numbers of the HDF5 filters that undo what detectors do. */
export const CHUNK_FILTER = { lz4: 32_004, bslz4: 32_008 } as const;

/** A filter of an HDF5 dataset, and the numbers that the file keeps with it. */
export interface ChunkFilter {
  readonly id: (typeof CHUNK_FILTER)[keyof typeof CHUNK_FILTER];
  readonly options: readonly number[];
}

/** One image, as it came over the wire. */
export interface Frame {
  /** Its number in the run, from 0. */
  readonly number: number;
  readonly type: PixelType;
  readonly rows: number;
  readonly columns: number;
  /** Row by row, little-endian. */
  readonly pixels: Uint8Array;
  /** The memory of the pixels is used again for the next frame: they are valid until then. */
  readonly isBorrowed?: boolean;
  /** The pixels are compressed, as this filter of HDF5 stores them; absent: they are plain. */
  readonly filter?: ChunkFilter;
  /** What else the message says of this frame. */
  readonly metadata: JsonObject;
  /** Whether pixels are missing that the detector has measured; the metadata say more. */
  readonly isIncomplete?: boolean;
}

/**
 * A message that is no image, and is nothing bad either.
 *
 * - `nothing`: a part of an image, or something that need not be kept.
 * - `foreign`: belongs to another run, and is left out.
 * - `begin`: a run begins; images that came before were those of another one.
 * - `end`: no more images of this run come.
 */
export type Notice = 'nothing' | 'foreign' | 'begin' | 'end';

/** What one message comes to: an image mostly; several, when it is the last that some of them have waited for. */
export type Decoded = Frame | Notice | readonly (Frame | Notice)[];

/** Reads the messages of one kind of frame stream. Made anew for each acquisition: it may keep what it has seen. */
export interface Decoder {
  /**
   * Reads one message, parts as received. Of their memory it keeps nothing, but where the pixels of a frame lie in it
   * that are not borrowed.
   *
   * @param source - Which of the stream's addresses it came from, from 0.
   * @throws ComponentFailedError `bad_answer` for anything that is of another kind; never anything else.
   */
  decode(parts: readonly Buffer[], source?: number): Decoded;
  /** Gives up waiting: the images that lack something, as they are. Only for kinds that put images together. */
  flush?(): readonly Frame[];
}
