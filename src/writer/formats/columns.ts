import type { JsonObject, JsonValue } from '../../contracts/json.js';

/** How the values of a column are kept: numbers exactly as JSON has them, booleans as 0 and 1. */
type ColumnType = 'int64' | 'float64' | 'int8' | 'text';

/** A value that comes with every frame. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Values per frame; 1 for a scalar. */
  readonly width: number;
  readonly isArray: boolean;
}

/** Bytes of a text column. */
export const TEXT_BYTES = 64;

const MOST_COLUMNS = 64;
const WIDEST_ARRAY = 65_536;
const COLUMN_NAME = /^[A-Za-z_][\w.-]{0,63}$/;

/** Fields that count or number things: kept as integers. Others may turn fractional in a later frame. */
const INTEGER_FIELDS = new Set([
  'pulse_id',
  'pulse_ids',
  'is_good_frame',
  'daq_rec',
  'daq_recs',
  'framenums',
  'framenum_diff',
  'missing_packets_1',
  'missing_packets_2',
  'module_number',
  'packets',
  'missing_parts',
  'exposure_length',
  'detector_timestamp',
  'det_spec_1',
  'det_spec_2',
  'det_spec_3',
  'det_spec_4',
]);

/**
 * Finds the columns in the metadata of the first frame.
 *
 * @param reserved - Names that are taken in the file.
 * @returns The columns, and the names of fields that cannot be kept.
 */
export function findColumns(
  metadata: JsonObject,
  reserved: ReadonlySet<string>,
): { columns: Column[]; dropped: string[] } {
  const columns: Column[] = [];
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    const column = columnOf(name, value);
    if (column === null || reserved.has(name) || columns.length >= MOST_COLUMNS) dropped.push(name);
    else columns.push(column);
  }
  return { columns, dropped };
}

function columnOf(name: string, value: JsonValue): Column | null {
  if (!COLUMN_NAME.test(name)) return null;
  const isArray = Array.isArray(value);
  const first = isArray ? value[0] : value;
  const width = isArray ? value.length : 1;
  if (width < 1 || width > WIDEST_ARRAY) return null;
  switch (typeof first) {
    case 'number': {
      const integers = INTEGER_FIELDS.has(name) && (isArray ? value : [value]).every(Number.isSafeInteger);
      return { name, type: integers ? 'int64' : 'float64', width, isArray };
    }
    case 'boolean':
      return { name, type: 'int8', width, isArray };
    case 'string':
      return isArray ? null : { name, type: 'text', width: 1, isArray };
    default:
      return null;
  }
}

/** Bytes of one row of a column. */
export function rowBytesOf({ type, width }: Column): number {
  return type === 'text' ? TEXT_BYTES : width * (type === 'int8' ? 1 : 8);
}

/** The rows of one column that are not on disk yet, as bytes. Values that never came are -1, NaN or an empty text. */
export class ColumnBuffer {
  readonly bytes: Uint8Array;
  readonly rowBytes: number;
  readonly #values: BigInt64Array | Float64Array | Int8Array | null;

  constructor(
    readonly column: Column,
    rows: number,
  ) {
    const { type } = column;
    this.rowBytes = rowBytesOf(column);
    this.bytes = new Uint8Array(rows * this.rowBytes);
    const { buffer } = this.bytes;
    this.#values =
      type === 'text'
        ? null
        : type === 'int8'
          ? new Int8Array(buffer)
          : type === 'int64'
            ? new BigInt64Array(buffer)
            : new Float64Array(buffer);
    this.clear();
  }

  clear(): void {
    const values = this.#values;
    if (values === null) this.bytes.fill(0);
    else if (values instanceof BigInt64Array) values.fill(-1n);
    else values.fill(values instanceof Float64Array ? Number.NaN : -1);
  }

  /** Puts what a frame says into a row; what does not fit the column stays absent. */
  set(row: number, value: JsonValue | undefined): void {
    const { width, isArray } = this.column;
    if (!isArray) {
      this.#put(row, value);
    } else if (Array.isArray(value)) {
      const count = Math.min(width, value.length);
      for (let index = 0; index < count; index += 1) this.#put(row * width + index, value[index]);
    }
  }

  #put(index: number, value: JsonValue | undefined): void {
    const values = this.#values;
    if (values === null) {
      if (typeof value !== 'string') return;
      const start = index * TEXT_BYTES;
      new TextEncoder().encodeInto(value, this.bytes.subarray(start, start + TEXT_BYTES));
    } else if (typeof value === 'number' || typeof value === 'boolean') {
      if (!(values instanceof BigInt64Array)) values[index] = Number(value);
      else if (Number.isSafeInteger(Number(value))) values[index] = BigInt(value);
    }
  }
}
