import type { JsonObject, JsonValue } from '../../contracts/json.js';
import type { AppendFile } from '../hdf5/appendFile.js';
import type { GrowingDataset } from '../hdf5/growingDataset.js';
import { type Column, ColumnBuffer, rowBytesOf } from './columns.js';

/** A column, and where it goes. */
export interface ColumnPlace {
  readonly column: Column;
  readonly dataset: GrowingDataset;
  readonly chunkRows: number;
}

/** A chunk of rows of which some are not on disk yet. */
interface Window {
  readonly buffer: ColumnBuffer;
  readonly address: number;
  readonly number: number;
  /** Rows that have changed since the last flush. */
  from: number;
  to: number;
}

interface Slot extends ColumnPlace {
  readonly rowBytes: number;
  /** Where the chunks lie, by their numbers. */
  readonly addresses: number[];
  window: Window | null;
}

/**
 * The per-frame metadata of a run: rows by frame number, written with each flush. Rows of frames that never came hold
 * the columns' absent values (`frame_number` -1).
 *
 * Only the last chunk of each column is kept in memory; a frame that comes later than that is written by itself.
 */
export class FrameTable {
  readonly #slots: Slot[];

  constructor(
    readonly file: AppendFile,
    columns: readonly ColumnPlace[],
  ) {
    this.#slots = columns.map((place) => ({
      ...place,
      rowBytes: rowBytesOf(place.column),
      addresses: [],
      window: null,
    }));
  }

  /** Takes the room that a frame's rows need; to be called before the frame is appended. */
  reserve(frameNumber: number): void {
    for (const { addresses, chunkRows, rowBytes, dataset } of this.#slots) {
      // Chunks that are left out are on disk too: their rows say that they are absent.
      for (let next = addresses.length; next <= Math.floor(frameNumber / chunkRows); next += 1) {
        dataset.reserve(next);
        addresses.push(this.file.reserve(chunkRows * rowBytes));
      }
    }
  }

  put(frameNumber: number, values: JsonObject): void {
    for (const slot of this.#slots) {
      const value = ownValue(values, slot.column.name);
      const number = Math.floor(frameNumber / slot.chunkRows);
      const row = frameNumber % slot.chunkRows;
      const window = this.#windowAt(slot, number);
      if (window === null) {
        this.#putLate(slot, { number, row, value });
        continue;
      }
      window.buffer.set(row, value);
      window.from = Math.min(window.from, row);
      window.to = Math.max(window.to, row + 1);
      slot.dataset.growTo(frameNumber + 1);
    }
  }

  /** Hands the file what is to go to the disk with its next flush. */
  flush(): void {
    for (const { window } of this.#slots) if (window !== null) this.#hand(window);
  }

  /** The chunk in memory, when it is this one; null for an earlier one. */
  #windowAt(slot: Slot, number: number): Window | null {
    const last = slot.window?.number ?? -1;
    if (number < last) return null;
    // Chunks that are left out are on disk too: their rows say that they are absent.
    for (let next = last + 1; next <= number; next += 1) {
      if (slot.window !== null) this.#hand(slot.window);
      const buffer = new ColumnBuffer(slot.column, slot.chunkRows);
      const address = slot.addresses[next];
      if (address === undefined) throw new Error('No room was reserved for these rows.');
      slot.dataset.setChunk(next, address, buffer.bytes.byteLength);
      slot.window = { buffer, address, number: next, from: 0, to: slot.chunkRows };
    }
    return slot.window;
  }

  #hand(window: Window): void {
    const { buffer, address, from, to } = window;
    if (from >= to) return;
    const { rowBytes } = buffer;
    // Copied: the chunk goes on changing while it is written.
    const bytes = buffer.bytes.slice(from * rowBytes, to * rowBytes);
    this.file.put({ address: address + from * rowBytes, bytes });
    window.from = Number.POSITIVE_INFINITY;
    window.to = 0;
  }

  #putLate(slot: Slot, late: { number: number; row: number; value: JsonValue | undefined }): void {
    const single = new ColumnBuffer(slot.column, 1);
    single.set(0, late.value);
    const address = (slot.addresses[late.number] ?? 0) + late.row * single.rowBytes;
    this.file.patch({ address, bytes: single.bytes });
  }
}

function ownValue(values: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
