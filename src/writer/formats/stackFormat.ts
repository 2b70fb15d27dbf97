import type { Frame } from '../decoders/decoder.js';
import { FileIdentity } from '../fileIdentity.js';
import { AppendFile } from '../hdf5/appendFile.js';
import type { GrowingDataset } from '../hdf5/growingDataset.js';
import type { Write } from '../hdf5/metadataBlock.js';
import { replaceObjects, writeNewFile } from '../hdf5/newFile.js';
import { type NewDataset, NewGroup, newDataset, type SoftLink } from '../hdf5/newObjects.js';
import { BYTES_PER_VALUE } from '../pixelTypes.js';
import { type Column, findColumns, TEXT_BYTES } from './columns.js';
import { type EndFacts, ensureGroup, imagesPath, numbersPath, putEntry, putValue } from './entry.js';
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

const MOST_CHUNK_ROWS = 1024;
const CHUNK_VALUES = 8192;
const TIMESTAMP: Column = { name: 'timestamp', type: 'float64', width: 1, isArray: false };
/** Names that a description may have given to datasets beside the images. */
const DESCRIBED_NAMES = ['count_time', 'frame_time', 'bit_depth_image'];

/** What the format needs to know of its program. */
export interface StackOptions {
  readonly layout: Layout;
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
    // Whole, so that even a writer killed before the first frame leaves a file that opens.
    writeNewFile(path, describe(path, description, this.options).root);
    return new StackFile(path, description, this.options);
  }
}

/** The objects of a file that has no frames yet. */
function describe(
  path: string,
  description: AcquisitionDescription,
  { layout, version }: StackOptions,
): { root: NewGroup; facts: EndFacts<NewDataset> } {
  const root = new NewGroup();
  const facts = putEntry(root, { path, description, version, layout });
  layout.describe(root, description);
  return { root, facts };
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
    readonly description: AcquisitionDescription,
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
    const { facts } = this.#replace(() => undefined);
    return { file: new AppendFile(this.path), frames: null, facts };
  }

  /** Makes the datasets that depend on what the frames are. Nothing can be added once readers may follow. */
  #begin(frame: Frame): OpenFile {
    const place = this.#place;
    const columns = this.#columns(frame).map((column) => ({ column, dataset: newColumn(column) }));
    const stack = newImages(frame);
    const { facts, headers } = this.#replace((root) => {
      const group = ensureGroup(root, place.group, 'NXdetector');
      group.add(place.images, stack);
      for (const { column, dataset } of columns) group.add(column.name, dataset);
      const plot = ensureGroup(root, '/entry/data', 'NXdata');
      plot.add('data', linkTo(imagesPath(place)));
      plot.add('frame_number', linkTo(numbersPath(place)));
    });
    const file = new AppendFile(this.path);
    const plainBytes = frame.rows * frame.columns * BYTES_PER_VALUE[frame.type];
    const images = file.growing(placeOf(stack, headers), frame.filter === undefined ? null : plainBytes);
    const places = columns.map(({ column, dataset }) => ({
      column,
      dataset: file.growing(placeOf(dataset, headers)),
      chunkRows: chunkRows(column),
    }));
    return { file, facts, frames: { images, table: new FrameTable(file, places) } };
  }

  /** Describes the file anew, with its parameters and what `add` says. */
  #replace(add: (root: NewGroup) => void): { facts: FactPlaces; headers: ReadonlyMap<NewDataset, number> } {
    const { layout } = this.options;
    const { root, facts } = describe(this.path, this.description, this.options);
    for (const [name, value] of this.#parameters) putValue(root, layout.parameters.pathOf(name), value);
    add(root);
    this.#identity.require();
    const { headers, values } = replaceObjects(this.path, root);
    return { facts: mapFacts(facts, (fact) => placeOf(fact, values)), headers };
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

/** Where the values lie that are filled in at the end. */
type FactPlaces = EndFacts<number>;

interface OpenFile {
  readonly file: AppendFile;
  readonly facts: FactPlaces;
  /** Null in a file without frames. */
  readonly frames: { readonly images: GrowingDataset; readonly table: FrameTable } | null;
}

function newImages({ rows, columns, type, filter }: Frame): NewDataset {
  const content = { rowShape: [rows, columns], chunkRows: 1, filter };
  return newDataset(type, content, { interpretation: 'image' });
}

function newColumn(column: Column): NewDataset {
  const { type, width, isArray } = column;
  return newDataset(
    type === 'text' ? { textBytes: TEXT_BYTES } : type,
    { rowShape: isArray ? [width] : [], chunkRows: chunkRows(column) },
    column === TIMESTAMP ? { units: 's' } : {},
  );
}

const linkTo = (path: string): SoftLink => ({ kind: 'link', path });

function chunkRows({ width }: Column): number {
  return Math.max(1, Math.min(MOST_CHUNK_ROWS, Math.floor(CHUNK_VALUES / width)));
}

function placeOf(dataset: NewDataset, places: ReadonlyMap<NewDataset, number>): number {
  const place = places.get(dataset);
  if (place === undefined) throw new Error('A dataset has no place in the file.');
  return place;
}

function mapFacts<From, To>(facts: EndFacts<From>, map: (fact: From) => To): EndFacts<To> {
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
