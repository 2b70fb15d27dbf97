import type { File, Group } from 'h5wasm/node';
import type { Hdf5 } from '../../files/hdf5.js';
import type { Frame } from '../decoders/decoder.js';
import { FileIdentity } from '../fileIdentity.js';
import { AppendFile } from '../hdf5/appendFile.js';
import type { GrowingDataset } from '../hdf5/growingDataset.js';
import type { Write } from '../hdf5/metadataBlock.js';
import { addressOf } from '../hdf5/objectAddress.js';
import { BYTES_PER_VALUE, HDF5_TYPES, zeros } from '../pixelTypes.js';
import { type Column, findColumns, TEXT_BYTES } from './columns.js';
import { END_TIME, FACTS, groupAt, imagesPath, numbersPath, putValue, writeEntry } from './entry.js';
import type {
  AcquisitionDescription,
  Arrival,
  Completion,
  FileFormat,
  FrameFile,
  FramePlace,
  Layout,
  ParameterValue,
} from './format.js';
import { FrameTable } from './frameTable.js';
import { NoFile } from './noFile.js';

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
  readonly hdf5: Hdf5;
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
    if (path === '/dev/null') return new NoFile();
    const { layout, hdf5, version } = this.options;
    const file = new hdf5.File(path, 'w', LIBRARY_BOUNDS);
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

/**
 * Frames on their way to the disk; beyond that the stream is not read, so that its sender is held back. More would make
 * V8 collect garbage: it does so whenever messages of about 15 MiB are in its care.
 */
const MOST_PENDING_BYTES = 4 * 1024 * 1024;

class StackFile implements FrameFile {
  readonly #parameters: Map<string, ParameterValue>;
  readonly #place: FramePlace;
  readonly #identity: FileIdentity;
  #open: OpenFile | null = null;
  /** What is in the file, and how much of it readers find. */
  readonly #present = { frames: 0, bytes: 0 };
  #shown = { frames: 0, bytes: 0 };

  constructor(
    readonly path: string,
    description: AcquisitionDescription,
    readonly options: StackOptions,
  ) {
    this.#parameters = new Map(Object.entries(options.layout.defaults(description)));
    this.#place = options.layout.place(description);
    this.#identity = new FileIdentity(path);
  }

  get framesWritten(): number {
    return this.#shown.frames;
  }

  get bytesWritten(): number {
    return this.#shown.bytes;
  }

  setParameter(name: string, value: ParameterValue): void {
    this.#parameters.set(name, value);
  }

  write(frame: Frame, arrival: Arrival): void {
    this.#open ??= this.#begin(frame);
    const { file, frames } = this.#open;
    const { number, metadata, pixels, isBorrowed = false } = frame;
    const storedBytes = pixels.byteLength;
    frames?.images.reserve(number);
    frames?.table.reserve(number);
    const written = (address: number) => {
      frames?.images.setChunk(number, address, storedBytes);
      frames?.images.growTo(number + 1);
      metadata[this.#place.numbers] = number;
      metadata[TIMESTAMP.name] = arrival.receivedAtS;
      frames?.table.put(number, metadata);
      this.#present.frames += 1;
      this.#present.bytes += storedBytes;
      arrival.written();
    };
    file.append({ bytes: pixels, isBorrowed, written });
  }

  room(): Promise<void> | undefined {
    return this.#open?.file.atMost(MOST_PENDING_BYTES);
  }

  async flush(): Promise<void> {
    const open = this.#open;
    await open?.file.atMost(0);
    if (open !== null) await this.#flush(open);
  }

  async close(completion: Completion): Promise<void> {
    const open = this.#open ?? this.#openEmpty();
    this.#open = open;
    await open.file.atMost(0);
    for (const step of this.#closing(open, completion)) await step();
    this.#open = null;
    open.file.close();
  }

  async abandon(completion: Completion): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    const steps = [() => open.file.settle(), ...this.#closing(open, completion)];
    for (const step of steps) {
      // The failure that led here is the one that is reported; what still fits is worth the attempt.
      await step().catch(() => undefined);
    }
    try {
      open.file.close();
    } catch {
      // A network disk or a quota may say only now that it is full; the file is closed all the same.
    }
  }

  async #flush({ file, frames }: OpenFile): Promise<void> {
    let shown = this.#shown;
    await file.flush(() => {
      frames?.table.flush();
      shown = { ...this.#present };
    });
    this.#shown = shown;
  }

  #closing(open: OpenFile, completion: Completion): (() => Promise<void>)[] {
    const { file, facts } = open;
    const complete = Uint8Array.of(completion.complete ? 1 : 0);
    return [
      () => this.#flush(open),
      () => file.overwrite(this.#facts(facts, completion)),
      // All else is in the file before it says that it is complete.
      () => file.overwrite([{ address: facts.complete, bytes: complete }]),
      () => file.rest(),
    ];
  }

  #facts(places: FactPlaces, { framesTaken, framesMissing, framesIncomplete }: Completion): Write[] {
    const { frames } = this.#present;
    const values = [
      [places.written, count(frames)],
      // After a failure also those that never reached the disk.
      [places.lost, count(framesMissing + framesTaken - frames)],
      [places.incomplete, count(framesIncomplete)],
      [places.endTime, new TextEncoder().encode(new Date().toISOString())],
    ] as const;
    return values.map(([address, bytes]) => ({ address, bytes }));
  }

  #openEmpty(): OpenFile {
    const factsAt = this.#withLibrary((library) => factAddresses(this.options.hdf5, library));
    const file = new AppendFile(this.path);
    return { file, frames: null, facts: factPlaces(file, factsAt) };
  }

  /** Makes the datasets that depend on what the frames are. Nothing can be added once readers may follow. */
  #begin(frame: Frame): OpenFile {
    const place = this.#place;
    const columns = this.#columns(frame);
    const { hdf5 } = this.options;
    const at = this.#withLibrary((library) => {
      const group = groupAt(library, place.group);
      createImages(group, place.images, frame);
      for (const column of columns) createColumn(group, column);
      const plot = groupAt(library, '/entry/data');
      plot.create_soft_link(imagesPath(place), 'data');
      plot.create_soft_link(numbersPath(place), 'frame_number');
      return {
        images: addressOf(hdf5, library, imagesPath(place)),
        columns: columns.map(({ name }) => addressOf(hdf5, library, `${place.group}/${name}`)),
        facts: factAddresses(hdf5, library),
      };
    });
    const file = new AppendFile(this.path);
    const plainBytes = frame.rows * frame.columns * BYTES_PER_VALUE[frame.type];
    const images = file.growing(at.images, frame.filter === undefined ? null : plainBytes);
    const places = columns.map((column, index) => {
      const dataset = file.growing(at.columns[index] ?? 0);
      return { column, dataset, chunkRows: chunkRows(column) };
    });
    return {
      file,
      facts: factPlaces(file, at.facts),
      frames: { images, table: new FrameTable(file, places) },
    };
  }

  /** Opens the file with the library, sets the parameters, and closes it again. */
  #withLibrary<T>(work: (library: File) => T): T {
    const { layout, hdf5 } = this.options;
    this.#identity.require();
    const library = new hdf5.File(this.path, 'a', LIBRARY_BOUNDS);
    let isClosed = false;
    try {
      for (const [name, value] of this.#parameters) putValue(library, layout.parameters.pathOf(name), value);
      const found = work(library);
      isClosed = true;
      if (library.close() < 0) throw new Error(`HDF5 could not close ${this.path}.`);
      return found;
    } finally {
      if (!isClosed) library.close();
    }
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

/** Values that are filled in at the end. */
const FACT_PATHS = {
  complete: `${FACTS}/complete`,
  written: `${FACTS}/frames_written`,
  lost: `${FACTS}/frames_lost`,
  incomplete: `${FACTS}/frames_incomplete`,
  endTime: END_TIME,
} as const;

/** Where they lie. */
type FactPlaces = Readonly<Record<keyof typeof FACT_PATHS, number>>;

interface OpenFile {
  readonly file: AppendFile;
  readonly facts: FactPlaces;
  /** Null in a file without frames. */
  readonly frames: { readonly images: GrowingDataset; readonly table: FrameTable } | null;
}

function createImages(group: Group, name: string, { rows, columns, type, filter }: Frame): void {
  const images = group.create_dataset({
    name,
    data: zeros(type, 0),
    dtype: HDF5_TYPES[type],
    shape: [0, rows, columns],
    maxshape: [null, rows, columns],
    chunks: [1, rows, columns],
    ...(filter === undefined ? {} : { compression: filter.id, compression_opts: [...filter.options] }),
  });
  images.create_attribute('interpretation', 'image', null, 'S');
}

function createColumn(group: Group, column: Column): void {
  const columnShape = column.isArray ? [column.width] : [];
  const dataset = group.create_dataset({
    name: column.name,
    data: column.type === 'text' ? [] : zeros(column.type, 0),
    dtype: HDF5_COLUMN_TYPES[column.type],
    shape: [0, ...columnShape],
    maxshape: [null, ...columnShape],
    chunks: [chunkRows(column), ...columnShape],
  });
  if (column === TIMESTAMP) dataset.create_attribute('units', 's', null, 'S');
}

function chunkRows({ width }: Column): number {
  return Math.max(1, Math.min(MOST_CHUNK_ROWS, Math.floor(CHUNK_VALUES / width)));
}

function factAddresses(hdf5: Hdf5, file: File): FactPlaces {
  return mapFacts(FACT_PATHS, (path) => addressOf(hdf5, file, path));
}

function factPlaces(file: AppendFile, headers: FactPlaces): FactPlaces {
  return mapFacts(headers, (address) => file.placeOf(address));
}

function mapFacts<T>(facts: Readonly<Record<keyof FactPlaces, T>>, map: (fact: T) => number): FactPlaces {
  const { complete, written, lost, incomplete, endTime } = facts;
  return {
    complete: map(complete),
    written: map(written),
    lost: map(lost),
    incomplete: map(incomplete),
    endTime: map(endTime),
  };
}

function count(value: number): Uint8Array {
  return new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
}
