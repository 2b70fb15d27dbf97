import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { type Column, ColumnBuffer } from './columns.js';
import type { RowWriter } from './rowWriter.js';

const WINDOW_ROWS = 256;

interface Slot {
  readonly window: ColumnBuffer;
  readonly single: ColumnBuffer;
  readonly rows: RowWriter;
}

/**
 * The per-frame metadata of a run: rows by frame number, written in blocks. Rows of frames that never came hold the
 * columns' absent values (`frame_number` -1).
 *
 * Only a window of rows beyond those on disk is kept in memory; a frame that comes later than that is written by
 * itself.
 */
export class FrameTable {
  readonly #slots: Slot[];
  /** Rows on disk; the window begins here. */
  #written = 0;
  #pending = 0;

  constructor(columns: readonly { readonly column: Column; readonly rows: RowWriter }[]) {
    this.#slots = columns.map(({ column, rows }) => ({
      window: new ColumnBuffer(column, WINDOW_ROWS),
      single: new ColumnBuffer(column, 1),
      rows,
    }));
  }

  put(frameNumber: number, values: JsonObject): void {
    if (frameNumber < this.#written) {
      this.#writeSingle(frameNumber, values);
      return;
    }
    while (frameNumber >= this.#written + WINDOW_ROWS) {
      this.#pending = WINDOW_ROWS;
      this.flush();
    }
    const row = frameNumber - this.#written;
    for (const { window } of this.#slots) window.set(row, ownValue(values, window.column.name));
    this.#pending = Math.max(this.#pending, row + 1);
  }

  flush(): void {
    if (this.#pending === 0) return;
    const end = this.#written + this.#pending;
    for (const { window, rows } of this.#slots) {
      rows.growTo(end);
      rows.write(this.#written, this.#pending, window.bytes.subarray(0, this.#pending * window.rowBytes));
      window.clear();
    }
    this.#written = end;
    this.#pending = 0;
  }

  #writeSingle(frameNumber: number, values: JsonObject): void {
    for (const { single, rows } of this.#slots) {
      single.clear();
      single.set(0, ownValue(values, single.column.name));
      rows.write(frameNumber, 1, single.bytes);
    }
  }
}

function ownValue(values: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
