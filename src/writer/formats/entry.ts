import { basename } from 'node:path';
import type { JsonValue } from '../../contracts/json.js';
import { type AttributeValue, type NewDataset, NewGroup, newDataset } from '../hdf5/newObjects.js';
import type { AcquisitionDescription, FramePlace, Layout, ParameterValue } from './format.js';

/** What is known of the detector; in NeXus files the frames as well. */
export const DETECTOR = '/entry/instrument/detector';

// An ISO time in UTC always has these many characters: the end time can be filled in while SWMR forbids anything new.
const UNKNOWN_TIME = ' '.repeat('2026-01-01T00:00:00.000Z'.length);

/** What the file says before the first frame. */
export interface DescriptionOptions {
  readonly path: string;
  readonly description: AcquisitionDescription;
  readonly version: string;
  readonly layout: Layout;
}

/** Values that are filled in at the end. */
export interface EndFacts<T> {
  readonly complete: T;
  readonly written: T;
  readonly lost: T;
  readonly incomplete: T;
  readonly endTime: T;
}

/**
 * Puts what files of all layouts have: `/entry`, with all that is known before the first frame. Wherever the frames
 * lie, `/entry/data` leads viewers to them.
 */
export function putEntry(
  root: NewGroup,
  { path, description, version, layout }: DescriptionOptions,
): EndFacts<NewDataset> {
  const startTime = description.startedAt.toISOString();
  putAttributes(root, {
    NX_class: 'NXroot',
    default: 'entry',
    creator: 'dia',
    creator_version: version,
    file_name: path,
    file_time: startTime,
  });
  const entry = createGroup(root, 'entry', 'NXentry');
  putAttributes(entry, { default: 'data' });
  putText(
    entry,
    'title',
    description.acquisitionId === '' ? basename(path, '.h5') : description.acquisitionId,
  );
  putText(entry, 'start_time', startTime);
  const endTime = entry.add(
    'end_time',
    newDataset({ textBytes: UNKNOWN_TIME.length }, { value: Buffer.from(UNKNOWN_TIME) }),
  );
  putText(entry, 'program_name', 'dia');
  putText(entry, 'acquisition_id', description.acquisitionId);
  putText(entry, 'acquisition_config', JSON.stringify(description.acquisition));
  const detector = createGroup(createGroup(entry, 'instrument', 'NXinstrument'), 'detector', 'NXdetector');
  const parameters = description.acquisition.detector ?? {};
  putNumber(detector, { name: 'count_time', value: parameters.exptime, units: 's' });
  putNumber(detector, { name: 'frame_time', value: parameters.period, units: 's' });
  putNumber(detector, { name: 'bit_depth_image', value: parameters.dr, isWhole: true });
  const plot = createGroup(entry, 'data', 'NXdata');
  putAttributes(plot, { signal: 'data', axes: ['frame_number', '.', '.'] });
  const facts = createGroup(entry, 'dia', 'NXcollection');
  const place = layout.place(description);
  putAttributes(facts, {
    layout: layout.name,
    images: imagesPath(place),
    frame_numbers: numbersPath(place),
  });
  const complete = facts.add('complete', byte(0));
  facts.add('frames_expected', integer(description.framesExpected));
  const written = facts.add('frames_written', integer(0));
  const lost = facts.add('frames_lost', integer(0));
  const incomplete = facts.add('frames_incomplete', integer(0));
  facts.add('user_id', integer(description.userId));
  return { complete, written, lost, incomplete, endTime };
}

/** Path of the dataset of the images. */
export function imagesPath({ group, images }: FramePlace): string {
  return `${group}/${images}`;
}

/** Path of the dataset of the frame numbers. */
export function numbersPath({ group, numbers }: FramePlace): string {
  return `${group}/${numbers}`;
}

/** Puts a dataset of one value, and the groups above it that are missing. */
export function putValue(root: NewGroup, path: string, value: ParameterValue): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const group = ensureGroup(root, path.slice(0, path.lastIndexOf('/')), 'NXcollection');
  if (typeof value === 'string') putText(group, name, value);
  else if (typeof value === 'boolean') group.add(name, byte(Number(value)));
  else group.add(name, Number.isSafeInteger(value) ? integer(value) : real(value));
}

/** The group at an absolute path; it and those above it are made where they are missing. */
export function ensureGroup(root: NewGroup, path: string, nexusClass: string): NewGroup {
  let group = root;
  const names = path.split('/').filter((name) => name !== '');
  for (const [index, name] of names.entries()) {
    const isLast = index === names.length - 1;
    group = groupIn(group, name) ?? createGroup(group, name, isLast ? nexusClass : 'NXcollection');
  }
  return group;
}

function groupIn(group: NewGroup, name: string): NewGroup | null {
  const found = group.children.get(name);
  return found instanceof NewGroup ? found : null;
}

function createGroup(parent: NewGroup, name: string, nexusClass: string): NewGroup {
  const group = parent.add(name, new NewGroup());
  putAttributes(group, { NX_class: nexusClass });
  return group;
}

function putAttributes(group: NewGroup, attributes: Readonly<Record<string, AttributeValue>>): void {
  for (const [name, value] of Object.entries(attributes)) group.attributes.set(name, value);
}

function putText(group: NewGroup, name: string, text: string): void {
  group.add(name, newDataset('text', { value: text }));
}

interface NumberField {
  readonly name: string;
  readonly value: JsonValue | undefined;
  readonly units?: string;
  readonly isWhole?: boolean;
}

/** Puts a number of the config, when it is one; the config's own check is the controller's affair. */
function putNumber(group: NewGroup, { name, value, units, isWhole = false }: NumberField): void {
  if (typeof value !== 'number') return;
  const attributes: Attributes = units === undefined ? {} : { units };
  group.add(name, isWhole ? integer32(value, attributes) : real(value, attributes));
}

type Attributes = Readonly<Record<string, AttributeValue>>;

const byte = (value: number) => newDataset('uint8', { value: Uint8Array.of(value) });

const integer = (value: number) => newDataset('int64', { value: bytesOf(BigInt64Array.of(BigInt(value))) });

const integer32 = (value: number, attributes: Attributes) =>
  newDataset('int32', { value: bytesOf(Int32Array.of(value)) }, attributes);

const real = (value: number, attributes: Attributes = {}) =>
  newDataset('float64', { value: bytesOf(Float64Array.of(value)) }, attributes);

const bytesOf = ({ buffer }: { readonly buffer: ArrayBuffer }) => new Uint8Array(buffer);
