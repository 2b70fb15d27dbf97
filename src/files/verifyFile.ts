import { statSync } from 'node:fs';
import type { Dataset, File, Group } from 'h5wasm/node';
import { ComponentFailedError } from '../contracts/errors.js';
import { type Hdf5, hdf5Cause, loadHdf5 } from './hdf5.js';

/** What an output file holds. Plain data: it passes between threads. */
export interface FileFacts {
  readonly file: string;
  /** Written by this project, with the name of its layout; `generic`: some other stack of images; `none`: no images. */
  readonly layout: 'nexus' | 'csaxs' | 'swissfel' | 'generic' | 'none';
  /** Whether the file says that it is complete; null when it says nothing of the kind. */
  readonly complete: boolean | null;
  /** First dimension of the images. */
  readonly frames: number;
  /** Frames really present, gaps left out. */
  readonly framesWritten: number;
  /** Frames asked for; null when unknown, 0: until stopped. */
  readonly framesExpected: number | null;
  /** Of the acquisition that wrote it; null when the file does not say. */
  readonly acquisitionId: string | null;
  readonly framesLost: number | null;
  /** Frames present that lack pixels; null when the file says nothing of the kind. */
  readonly framesIncomplete: number | null;
  /** Rows and columns; null without images. */
  readonly shape: readonly [number, number] | null;
  /** `uint16` and the like; null without images. */
  readonly dtype: string | null;
  readonly sizeBytes: number;
  /** What is wrong with the file by itself, in sentences. */
  readonly problems: readonly string[];
}

/** How a file is looked at. */
export interface VerifyOptions {
  /** Reads the last frame too, for files of which nobody knows where they have been. */
  readonly isThorough?: boolean;
}

/** What a file should hold. */
export interface FileExpectation {
  readonly frames: number;
  readonly shape?: readonly [number, number];
  readonly dtype?: string;
}

const OWN_LAYOUTS = ['nexus', 'csaxs', 'swissfel'] as const;
const FACTS = '/entry/dia';
const DEEPEST_GROUP = 6;
const ROWS_AT_ONCE = 100_000;
const TYPE_NAMES: Readonly<Record<string, string>> = {
  b: 'int8',
  B: 'uint8',
  h: 'int16',
  H: 'uint16',
  i: 'int32',
  I: 'uint32',
  q: 'int64',
  Q: 'uint64',
  e: 'float16',
  f: 'float32',
  d: 'float64',
};

/**
 * Opens an HDF5 file and counts what is in it. Blocks the thread while the disk works: see `verifyInWorker`.
 *
 * @throws ComponentFailedError `file_invalid` when it cannot be read as HDF5.
 */
export async function verifyFile(
  path: string,
  { isThorough = false }: VerifyOptions = {},
): Promise<FileFacts> {
  const hdf5 = await loadHdf5();
  const sizeBytes = sizeOf(path);
  const problems: string[] = [];
  const file = openFile(hdf5, path, problems);
  try {
    return { ...readFacts(file, { isThorough, problems }), file: path, sizeBytes, problems };
  } catch (error) {
    throw unreadable(path, hdf5Cause(error), error);
  } finally {
    file.close();
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, (error as Error).message, error);
  }
}

/** Compares a file with what it should hold; answers what differs, in sentences. */
export function checkFile(facts: FileFacts, expectation: FileExpectation): string[] {
  const differences = [...facts.problems];
  if (facts.framesWritten !== expectation.frames) {
    differences.push(`It holds ${facts.framesWritten} of ${expectation.frames} frames.`);
  } else if (facts.complete === false) {
    differences.push('It is not marked complete.');
  }
  const { shape, dtype } = expectation;
  if (shape !== undefined && facts.shape !== null && String(shape) !== String(facts.shape)) {
    differences.push(`Its frames are ${facts.shape.join('x')}, not ${shape.join('x')}.`);
  }
  if (dtype !== undefined && facts.dtype !== null && dtype !== facts.dtype) {
    differences.push(`Its pixels are ${facts.dtype}, not ${dtype}.`);
  }
  return differences;
}

function openFile(hdf5: Hdf5, path: string, problems: string[]): File {
  try {
    return new hdf5.File(path, 'r');
  } catch (error) {
    // Only such files: on a broken one the library would look for its writer's next word again and again, for hours.
    if (!/already open for (SWMR )?write/i.test(hdf5Cause(error)))
      throw unreadable(path, hdf5Cause(error), error);
    try {
      // A writer that is still at work, or was killed, leaves its mark; what was flushed can be read even so.
      const file = new hdf5.File(path, 'Sr');
      problems.push('It was not closed: its writer is still at work, or was killed.');
      return file;
    } catch {
      throw unreadable(path, hdf5Cause(error), error);
    }
  }
}

type Findings = Omit<FileFacts, 'file' | 'sizeBytes' | 'problems'>;

function readFacts(
  file: File,
  { isThorough, problems }: { isThorough: boolean; problems: string[] },
): Findings {
  const place = ownPlace(file);
  const images = place === null ? findImages(file, 0) : datasetAt(file, place.images);
  const shape = images?.shape ?? null;
  const frames = shape?.[0] ?? 0;
  const [, rows = 0, columns = 0] = shape ?? [];
  const common = {
    frames,
    shape: shape === null ? null : ([rows, columns] as const),
    dtype: images === null ? null : typeName(images),
  };
  if (isThorough && images !== null && frames > 0 && rows * columns > 0 && !hasLastFrame(images)) {
    problems.push(`Frame ${frames - 1} lies beyond the end of the file: the file was cut short.`);
  }
  if (place === null) {
    if (images === null) problems.push('It holds no images.');
    return {
      ...common,
      layout: images === null ? 'none' : 'generic',
      complete: null,
      framesWritten: frames,
      framesExpected: null,
      acquisitionId: null,
      framesLost: null,
      framesIncomplete: null,
    };
  }
  const framesWritten = countPresent(datasetAt(file, place.numbers));
  const complete = numberAt(file, `${FACTS}/complete`) === 1;
  if (complete && framesWritten !== numberAt(file, `${FACTS}/frames_written`)) {
    problems.push(
      `It is marked complete with ${numberAt(file, `${FACTS}/frames_written`)} frames, but ${framesWritten} are there.`,
    );
  }
  return {
    ...common,
    layout: place.layout,
    complete,
    framesWritten,
    acquisitionId: textAt(file, '/entry/acquisition_id'),
    framesExpected: numberAt(file, `${FACTS}/frames_expected`),
    framesLost: numberAt(file, `${FACTS}/frames_lost`),
    framesIncomplete: countIncomplete(datasetAt(file, `${place.group}/complete_image`)),
  };
}

interface OwnPlace {
  readonly layout: (typeof OWN_LAYOUTS)[number];
  readonly group: string;
  readonly images: string;
  readonly numbers: string;
}

/** Where the frames lie in a file of ours: it says so itself. Null for other files. */
function ownPlace(file: File): OwnPlace | null {
  const facts = entityAt(file, FACTS);
  const attributes = facts !== null && 'attrs' in facts ? facts.attrs : {};
  const said = (name: string) => {
    const value = attributes[name]?.value;
    return typeof value === 'string' ? value : '';
  };
  const saidLayout = said('layout');
  const layout = OWN_LAYOUTS.find((known) => known === saidLayout);
  if (layout === undefined) return null;
  const images = said('images');
  return { layout, images, numbers: said('frame_numbers'), group: images.slice(0, images.lastIndexOf('/')) };
}

/** Whether the last frame lies within the file. That the library lacks its compression does not matter. */
function hasLastFrame(images: Dataset): boolean {
  const [frames = 0] = images.shape ?? [];
  try {
    images.slice([
      [frames - 1, frames],
      [0, 1],
      [0, 1],
    ]);
    return true;
  } catch (error) {
    return !/addr overflow|truncated/i.test(String(error));
  }
}

/** Counts the frames that came: the others have -1 for a number. */
function countPresent(numbers: Dataset | null): number {
  return countRows(numbers, (value) => value >= 0) ?? 0;
}

/** Counts the frames that are marked: also while the writer is at work, and after it was killed. */
function countIncomplete(marks: Dataset | null): number | null {
  return countRows(marks, (value) => Number(value) === 0);
}

/** Counts the rows of a dataset of integers that fit; null when there is none. */
function countRows(dataset: Dataset | null, fits: (value: number | bigint) => boolean): number | null {
  const length = dataset?.shape?.[0];
  if (dataset === null || length === undefined) return null;
  let count = 0;
  for (let start = 0; start < length; start += ROWS_AT_ONCE) {
    const values = dataset.slice([[start, Math.min(start + ROWS_AT_ONCE, length)]]);
    if (!(values instanceof BigInt64Array || values instanceof Int8Array)) return null;
    for (const value of values) if (fits(value)) count += 1;
  }
  return count;
}

/** The first dataset of three dimensions. */
function findImages(group: Group, depth: number): Dataset | null {
  for (const name of group.keys()) {
    const child = group.get(name);
    if (child === null) continue;
    if (isDataset(child) && child.shape?.length === 3) return child;
    if (depth < DEEPEST_GROUP && 'keys' in child) {
      const found = findImages(child, depth + 1);
      if (found !== null) return found;
    }
  }
  return null;
}

/** What lies at a path; null when nothing does. */
function entityAt(file: File, path: string): ReturnType<File['get']> {
  try {
    return file.get(path);
  } catch (error) {
    // A part of the path that is no group is an error to HDF5, not a no; anything else is worth an error.
    if (!has(file, path)) return null;
    throw error;
  }
}

/** Looks part by part. */
function has(file: File, path: string): boolean {
  let parent = '/';
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (!namesIn(file, parent).includes(name)) return false;
    parent = parent === '/' ? `/${name}` : `${parent}/${name}`;
  }
  return true;
}

function namesIn(file: File, path: string): readonly string[] {
  const entity = path === '/' ? file : file.get(path);
  return entity !== null && 'keys' in entity ? entity.keys() : [];
}

function datasetAt(file: File, path: string): Dataset | null {
  const found = entityAt(file, path);
  return found !== null && isDataset(found) ? found : null;
}

function isDataset(entity: object): entity is Dataset {
  return 'slice' in entity;
}

/** A text of the file; null when there is none, or it is empty. */
function textAt(file: File, path: string): string | null {
  const value = datasetAt(file, path)?.value;
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberAt(file: File, path: string): number {
  const value = datasetAt(file, path)?.value;
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0;
}

function typeName(dataset: Dataset): string {
  const { dtype } = dataset;
  return typeof dtype === 'string' ? (TYPE_NAMES[dtype.slice(-1)] ?? dtype) : 'compound';
}

function unreadable(path: string, cause: string, error: unknown): ComponentFailedError {
  return new ComponentFailedError('file_invalid', `Cannot read ${path}: ${cause}.`, {
    component: 'writer',
    operation: 'verify the file',
    expected: 'a readable HDF5 file',
    actual: cause,
    hint: "Look at the writer's log for why it could not close the file.",
    cause: error,
  });
}
