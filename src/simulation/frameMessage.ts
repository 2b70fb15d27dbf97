import type { JsonObject } from '../contracts/json.js';
import type { BitDepth, FrameShape } from './frameGenerator.js';
import { asObject, parseJson } from './jsonObject.js';

/**
 * Header of a frame in the `array-1.0` stream, part 1 of 2; the pixels follow as part 2, little endian.
 * `series` is the simulated detector's: it differs between runs, so that what an ended run left on its way
 * can be told from the present one. The backend takes it out.
 */
export interface FrameHeader extends JsonObject {
  htype: 'array-1.0';
  type: string;
  /** Rows, columns. */
  shape: number[];
  /** From 0 in each run. */
  frame: number;
  series: number;
}

/** The header of a detector frame. */
export function frameHeader(
  shape: FrameShape,
  bitDepth: BitDepth,
  { frame, series }: { frame: number; series: number },
): FrameHeader {
  return {
    htype: 'array-1.0',
    type: `uint${bitDepth}`,
    shape: [shape.rows, shape.columns],
    frame,
    endianness: 'little',
    series,
  };
}

/** Reads part 1 of a frame message; null when it is no such header. */
export function parseFrameHeader(part: Buffer | undefined): FrameHeader | null {
  const header = part === undefined ? null : asObject(parseJson(part.toString('utf8')));
  return header !== null && isFrameHeader(header) ? header : null;
}

function isFrameHeader(value: JsonObject): value is FrameHeader {
  return (
    value.htype === 'array-1.0' && Number.isSafeInteger(value.frame) && Number.isSafeInteger(value.series)
  );
}
