import type { File, Group } from 'h5wasm/node';
import type { Frame } from '../decoders/decoder.js';
import { BYTES_PER_VALUE, HDF5_TYPES, zeros } from '../pixelTypes.js';
import { type Column, findColumns, TEXT_BYTES } from './columns.js';
import { END_TIME, FACTS, groupAt, imagesPath, numbersPath, putValue, writeEntry } from './entry.js';
import type {
  AcquisitionDescription,
  Completion,
  FileFormat,
  FrameFile,
  FramePlace,
  Layout,
  ParameterValue,
} from './format.js';
import { FrameTable } from './frameTable.js';
import { RowWriter, type Scratch } from './rowWriter.js';

const LIBRARY_BOUNDS = { libver: 'v110' } as const;
const MOST_CHUNK_ROWS = 1024;
const CHUNK_VALUES = 8192;
const HDF5_COLUMN_TYPES = { int64: '<q', float64: '<d', int8: '<b', text: `S${TEXT_BYTES}` } as const;
const TIMESTAMP: Column = { name: 'timestamp', type: 'float64', width: 1, isArray: false };
/** Names that a description may have given to datasets beside the images. */
const DESCRIBED_NAMES = ['count_time', 'frame_time', 'bit_depth_image'];

/** What the format needs to know of its program. */
export interface StackOptions {
  readonly layout: Layout;
  /** Shared by all formats of a program. */
  readonly scratch: Scratch;
  /** Version of the program, for `creator_version`. */
  readonly version: string;
  readonly warn: (text: string) => void;
}

/**
 * Files with a stack of images [frames, rows, columns], one chunk a frame, and one dataset per value that comes with
 * the frames; where they lie is the layout's affair. `/entry/dia` says whether the file is complete. Readers may follow
 * with SWMR from the first frame on.
 */
export class StackFormat implements FileFormat {
  constructor(readonly options: StackOptions) {}

  create(path: string, description: AcquisitionDescription): FrameFile {
    const { layout, scratch, version } = this.options;
    const file = new scratch.hdf5.File(path, 'w', LIBRARY_BOUNDS);
    try {
      writeEntry(file, { path, description, version, layout });
      layout.describe(file, description);
    } finally {
      // Closed, so that even a writer killed before the first frame leaves a file that opens.
      file.close();
    }
    return new StackFile(path, description, this.options);
  }
}

class StackFile implements FrameFile {
  readonly #parameters: Map<string, ParameterValue>;
  readonly #place: FramePlace;
  #open: OpenFile | null = null;

  constructor(
    readonly path: string,
    description: AcquisitionDescription,
    readonly options: StackOptions,
  ) {
    this.#parameters = new Map(Object.entries(options.layout.defaults(description)));
    this.#place = options.layout.place(description);
  }

  setParameter(name: string, value: ParameterValue): void {
    this.#parameters.set(name, value);
  }

  write(frame: Frame, receivedAtS: number): void {
    this.#open ??= this.#begin(frame);
    const { pixels, table } = this.#open;
    pixels.growTo(frame.number + 1);
    pixels.write(frame.number, 1, frame.pixels);
    frame.metadata[this.#place.numbers] = frame.number;
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
      writeScalar(this.options.scratch, file, [path, value]);
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
    const { layout, scratch } = this.options;
    const file = new scratch.hdf5.File(this.path, 'a', LIBRARY_BOUNDS);
    for (const [name, value] of this.#parameters) putValue(file, layout.parameters.pathOf(name), value);
    return file;
  }

  /** Makes the datasets that depend on what the frames are. Nothing can be added once SWMR has begun. */
  #begin(frame: Frame): OpenFile {
    const file = this.#reopen();
    const place = this.#place;
    const group = groupAt(file, place.group);
    const rowShape = [frame.rows, frame.columns];
    group
      .create_dataset({
        name: place.images,
        data: zeros(frame.type, 0),
        dtype: HDF5_TYPES[frame.type],
        shape: [0, ...rowShape],
        maxshape: [null, ...rowShape],
        chunks: [1, ...rowShape],
        ...(frame.filter === undefined
          ? {}
          : { compression: frame.filter.id, compression_opts: [...frame.filter.options] }),
      })
      .create_attribute('interpretation', 'image', null, 'S');
    const { scratch } = this.options;
    const fileId = file.file_id;
    const plainRowBytes =
      frame.filter === undefined ? null : frame.rows * frame.columns * BYTES_PER_VALUE[frame.type];
    const table = this.#columns(frame).map((column) => {
      const columnShape = column.isArray ? [column.width] : [];
      createColumn(group, column, columnShape);
      const path = `${place.group}/${column.name}`;
      return { column, rows: new RowWriter({ scratch, fileId, path, rowShape: columnShape }) };
    });
    const plot = groupAt(file, '/entry/data');
    plot.create_soft_link(imagesPath(place), 'data');
    plot.create_soft_link(numbersPath(place), 'frame_number');
    if (file.start_swmr_write() < 0) throw new Error(`HDF5 could not begin SWMR on ${this.path}.`);
    return {
      file,
      pixels: new RowWriter({ scratch, fileId, path: imagesPath(place), rowShape, plainRowBytes }),
      table: new FrameTable(table),
    };
  }

  #columns(frame: Frame): Column[] {
    const { images, numbers } = this.#place;
    const reserved = new Set([images, numbers, 'frame_number', TIMESTAMP.name, ...DESCRIBED_NAMES]);
    const { columns, dropped } = findColumns(frame.metadata, reserved);
    if (dropped.length > 0)
      this.options.warn(`these fields of the frames are not kept: ${dropped.join(', ')}`);
    return [{ name: numbers, type: 'int64', width: 1, isArray: false }, TIMESTAMP, ...columns];
  }
}

interface OpenFile {
  readonly file: File;
  readonly pixels: RowWriter;
  readonly table: FrameTable;
}

function createColumn(group: Group, column: Column, columnShape: readonly number[]): void {
  const chunkRows = Math.max(1, Math.min(MOST_CHUNK_ROWS, Math.floor(CHUNK_VALUES / column.width)));
  const dataset = group.create_dataset({
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
