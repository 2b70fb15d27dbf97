import type { File, Group } from 'h5wasm/node';
import type { Hdf5 } from '../../files/hdf5.js';
import type { Frame } from '../decoders/decoder.js';
import { HDF5_TYPES, zeros } from '../pixelTypes.js';
import { type Column, findColumns, TEXT_BYTES } from './columns.js';
import type { AcquisitionDescription, Completion, FileFormat, FrameFile } from './format.js';
import { FrameTable } from './frameTable.js';
import {
  DATA,
  DETECTOR,
  END_TIME,
  FACTS,
  groupAt,
  writeDescription,
  writeParameter,
} from './nexusDescription.js';
import { RowWriter, Scratch } from './rowWriter.js';

const LIBRARY_BOUNDS = { libver: 'v110' } as const;
const MOST_CHUNK_ROWS = 1024;
const CHUNK_VALUES = 8192;
/** Texts that a client may add to the file; they become datasets of these paths. */
export const NEXUS_PARAMETERS = ['general/created', 'general/user', 'general/process', 'general/instrument'];
const HDF5_COLUMN_TYPES = { int64: '<q', float64: '<d', int8: '<b', text: `S${TEXT_BYTES}` } as const;
const FRAME_NUMBER: Column = { name: 'frame_number', type: 'int64', width: 1, isArray: false };
const TIMESTAMP: Column = { name: 'timestamp', type: 'float64', width: 1, isArray: false };
const RESERVED_NAMES = new Set([
  'data',
  'frame_number',
  'timestamp',
  'count_time',
  'frame_time',
  'bit_depth_image',
]);

/** What the format needs to know of its program. */
export interface NexusOptions {
  readonly hdf5: Hdf5;
  /** Version of the program, for `creator_version`. */
  readonly version: string;
  readonly warn: (text: string) => void;
}

/**
 * NeXus: `/entry` (NXentry) with `instrument/detector` (NXdetector: `data` [frames, rows, columns], one chunk a frame,
 * and one dataset per value that comes with the frames) and `data` (NXdata), linked. `/entry/dia` says whether the file
 * is complete. Readers may follow with SWMR from the first frame on.
 *
 * Source: manual.nexusformat.org, NXentry, NXdetector and NXdata.
 */
export class NexusFormat implements FileFormat {
  readonly #scratch: Scratch;

  constructor(readonly options: NexusOptions) {
    this.#scratch = new Scratch(options.hdf5);
  }

  create(path: string, description: AcquisitionDescription): FrameFile {
    const file = new this.options.hdf5.File(path, 'w', LIBRARY_BOUNDS);
    try {
      writeDescription(file, { path, description, version: this.options.version });
    } finally {
      // Closed, so that even a writer killed before the first frame leaves a file that opens.
      file.close();
    }
    return new NexusFile(path, this.options, this.#scratch);
  }
}

class NexusFile implements FrameFile {
  readonly #parameters = new Map<string, string>();
  #open: OpenFile | null = null;

  constructor(
    readonly path: string,
    readonly options: NexusOptions,
    readonly scratch: Scratch,
  ) {}

  setParameter(name: string, value: string): void {
    this.#parameters.set(name, value);
  }

  write(frame: Frame, receivedAtS: number): void {
    this.#open ??= this.#begin(frame);
    const { pixels, table } = this.#open;
    pixels.growTo(frame.number + 1);
    pixels.write(frame.number, 1, frame.pixels);
    frame.metadata[FRAME_NUMBER.name] = frame.number;
    frame.metadata[TIMESTAMP.name] = receivedAtS;
    table.put(frame.number, frame.metadata);
  }

  flush(): void {
    this.#open?.table.flush();
    this.#open?.file.flush();
  }

  close(completion: Completion): void {
    for (const step of this.#closing(completion)) step();
    this.#open = null;
  }

  abandon(completion: Completion): void {
    if (this.#open === null) return;
    for (const step of this.#closing(completion)) {
      try {
        step();
      } catch {
        // The failure that led here is the one that is reported; what still fits is worth the attempt.
      }
    }
    this.#open = null;
  }

  #closing(completion: Completion): (() => void)[] {
    const table = this.#open?.table;
    const file = this.#open?.file ?? this.#reopen();
    const put = (path: string, value: Uint8Array | BigInt64Array) =>
      writeScalar(this.scratch, file, [path, value]);
    return [
      () => table?.flush(),
      () => put(`${FACTS}/frames_written`, BigInt64Array.of(BigInt(completion.framesWritten))),
      () => put(`${FACTS}/frames_lost`, BigInt64Array.of(BigInt(completion.framesLost))),
      () => put(`${FACTS}/frames_incomplete`, BigInt64Array.of(BigInt(completion.framesIncomplete))),
      () => put(END_TIME, new TextEncoder().encode(new Date().toISOString())),
      // On disk before the file says that it is complete.
      () => file.flush(),
      () => put(`${FACTS}/complete`, Uint8Array.of(completion.complete ? 1 : 0)),
      () => {
        if (file.close() < 0) throw new Error(`HDF5 could not close ${this.path}.`);
      },
    ];
  }

  #reopen(): File {
    const file = new this.options.hdf5.File(this.path, 'a', LIBRARY_BOUNDS);
    for (const [name, value] of this.#parameters) writeParameter(file, name, value);
    return file;
  }

  /** Makes the datasets that depend on what the frames are. Nothing can be added once SWMR has begun. */
  #begin(frame: Frame): OpenFile {
    const file = this.#reopen();
    const detector = groupAt(file, DETECTOR);
    const rowShape = [frame.rows, frame.columns];
    detector
      .create_dataset({
        name: 'data',
        data: zeros(frame.type, 0),
        dtype: HDF5_TYPES[frame.type],
        shape: [0, ...rowShape],
        maxshape: [null, ...rowShape],
        chunks: [1, ...rowShape],
      })
      .create_attribute('interpretation', 'image', null, 'S');
    const { columns, dropped } = findColumns(frame.metadata, RESERVED_NAMES);
    if (dropped.length > 0)
      this.options.warn(`these fields of the frames are not kept: ${dropped.join(', ')}`);
    const { scratch } = this;
    const fileId = file.file_id;
    const table = [FRAME_NUMBER, TIMESTAMP, ...columns].map((column) => {
      const columnShape = column.isArray ? [column.width] : [];
      createColumn(detector, column, columnShape);
      const path = `${DETECTOR}/${column.name}`;
      return { column, rows: new RowWriter({ scratch, fileId, path, rowShape: columnShape }) };
    });
    const plot = groupAt(file, '/entry/data');
    plot.create_soft_link(DATA, 'data');
    plot.create_soft_link(`${DETECTOR}/${FRAME_NUMBER.name}`, FRAME_NUMBER.name);
    if (file.start_swmr_write() < 0) throw new Error(`HDF5 could not begin SWMR on ${this.path}.`);
    return {
      file,
      pixels: new RowWriter({ scratch, fileId, path: DATA, rowShape }),
      table: new FrameTable(table),
    };
  }
}

interface OpenFile {
  readonly file: File;
  readonly pixels: RowWriter;
  readonly table: FrameTable;
}

function createColumn(detector: Group, column: Column, columnShape: readonly number[]): void {
  const chunkRows = Math.max(1, Math.min(MOST_CHUNK_ROWS, Math.floor(CHUNK_VALUES / column.width)));
  const dataset = detector.create_dataset({
    name: column.name,
    data: column.type === 'text' ? [] : zeros(column.type, 0),
    dtype: HDF5_COLUMN_TYPES[column.type],
    shape: [0, ...columnShape],
    maxshape: [null, ...columnShape],
    chunks: [chunkRows, ...columnShape],
  });
  if (column === TIMESTAMP) dataset.create_attribute('units', 's', null, 'S');
}

/** Overwrites a scalar dataset; `value` holds its bytes. */
function writeScalar(
  scratch: Scratch,
  file: File,
  [path, value]: readonly [string, Uint8Array | BigInt64Array],
): void {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const { Module } = scratch.hdf5;
  if (Module.set_dataset_data(file.file_id, path, null, null, null, scratch.put(bytes)) < 0) {
    throw new Error(`HDF5 could not write ${path}.`);
  }
}
