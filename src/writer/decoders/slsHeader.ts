import { ComponentFailedError } from '../../contracts/errors.js';
import type { JsonObject, JsonValue } from '../../contracts/json.js';
import type { PixelType } from '../pixelTypes.js';

const MOST_PLACES = 4096;
/** More than any detector has: a broken header must not make us reserve all memory. */
const MOST_PIXELS = 2 ** 27;
/** `detType` of an Eiger. */
const EIGER = 1;

/** What a receiver says of one part of an image. */
export interface SlsHeader {
  /** `frameIndex`: 0 for the first image of the run. */
  readonly image: number;
  readonly bitDepth: 4 | 8 | 16 | 32;
  readonly rows: number;
  readonly columns: number;
  readonly gridRows: number;
  readonly gridColumns: number;
  readonly row: number;
  readonly column: number;
  readonly isUpsideDown: boolean;
  /** False when packets of the network were lost: their pixels have all bits set. */
  readonly isComplete: boolean;
  /** The whole header, for what is only kept. */
  readonly fields: JsonObject;
}

/** Type of the pixels in the file; four bits become a byte. */
export const TYPE_OF_BIT_DEPTH: Readonly<Record<SlsHeader['bitDepth'], PixelType>> = {
  4: 'uint8',
  8: 'uint8',
  16: 'uint16',
  32: 'uint32',
};

/**
 * Reads the JSON of a message; it may be padded with blanks, newlines or NULs.
 *
 * @throws ComponentFailedError `bad_answer`
 */
export function parseSlsHeader(head: Buffer): JsonObject {
  const text = head.toString('utf8').replace(/[\0\s]+$/, '');
  let header: JsonValue;
  try {
    header = JSON.parse(text) as JsonValue;
  } catch {
    throw badPart('The header is no JSON.', 'a JSON object', text.slice(0, 80));
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw badPart('The header is no JSON object.', 'a JSON object', text.slice(0, 80));
  }
  return header;
}

/**
 * Reads what the header says of a part. `shape` and `detshape` are [columns, rows].
 *
 * @throws ComponentFailedError `bad_answer`
 */
export function readSlsHeader(fields: JsonObject): SlsHeader {
  const bitDepth = [4, 8, 16, 32].find((known) => known === fields.bitmode) as SlsHeader['bitDepth'];
  if (bitDepth === undefined)
    throw badPart('The bit depth is unknown.', '4, 8, 16 or 32', said(fields.bitmode));
  const [columns, rows] = pair(fields, 'shape', MOST_PIXELS);
  const [gridColumns, gridRows] = pair(fields, 'detshape', MOST_PLACES);
  if (columns * rows * gridColumns * gridRows > MOST_PIXELS) {
    throw badPart('The image is too large.', `at most ${MOST_PIXELS} pixels`, said(fields.shape));
  }
  const { frameIndex: image, row, column } = fields;
  if (!isCount(image)) throw badPart('The part has no image number.', 'frameIndex: 0 or more', said(image));
  if (!isCount(row) || !isCount(column) || row >= gridRows || column >= gridColumns) {
    throw badPart('The part is outside the grid.', `row < ${gridRows}, column < ${gridColumns}`, [
      said(row),
      said(column),
    ]);
  }
  return {
    image,
    bitDepth,
    rows,
    columns,
    gridRows,
    gridColumns,
    row,
    column,
    // The detector's own software heeds it for the Eiger only, whose lower halves are read out from the other side.
    isUpsideDown: fields.flipRows === 1 && (fields.detType === undefined || fields.detType === EIGER),
    isComplete: fields.completeImage !== 0 && fields.completeImage !== false,
    fields,
  };
}

function pair(fields: JsonObject, name: string, most: number): [number, number] {
  const value = fields[name];
  const [columns, rows] = Array.isArray(value) ? value : [];
  if (isCount(columns) && isCount(rows) && columns > 0 && rows > 0 && columns * rows <= most)
    return [columns, rows];
  throw badPart(`The part has no usable ${name}.`, '[columns, rows], both at least 1', said(value));
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function said(value: JsonValue | undefined): JsonValue {
  return value ?? null;
}

/** The error for a message that is not what it should be. */
export function badPart(message: string, expected: string, actual: JsonValue): ComponentFailedError {
  return new ComponentFailedError('bad_answer', `Bad frame message: ${message}`, {
    component: 'writer',
    operation: 'decode a frame',
    expected,
    actual,
    hint: 'Check that each stream address is the ZeroMQ stream (rx_zmqport) of an SLS receiver of one detector.',
  });
}
