import type { JsonObject } from '../../contracts/json.js';
import type { PixelType } from '../pixelTypes.js';

/** One image, as it came over the wire. */
export interface Frame {
  /** Its number in the run, from 0. */
  readonly number: number;
  readonly type: PixelType;
  readonly rows: number;
  readonly columns: number;
  /** Row by row, little-endian. May share memory with the message it came in. */
  readonly pixels: Uint8Array;
  /** What else the message says of this frame. */
  readonly metadata: JsonObject;
}

/** Reads the messages of one kind of frame stream. */
export interface Decoder {
  /**
   * Reads one message, parts as received.
   *
   * @throws ComponentFailedError `bad_answer` for anything that is no frame; never anything else.
   */
  decode(parts: readonly Buffer[]): Frame;
}
