import { basename } from 'node:path';
import type { File, Group } from 'h5wasm/node';
import type { JsonValue } from '../../contracts/json.js';
import type { AcquisitionDescription, FramePlace, Layout, ParameterValue } from './format.js';

/** What is known of the detector; in NeXus files the frames as well. */
export const DETECTOR = '/entry/instrument/detector';
/** Whether the file is complete, and where its frames lie. */
export const FACTS = '/entry/dia';
export const END_TIME = '/entry/end_time';

// An ISO time in UTC always has these many characters: the end time can be filled in while SWMR forbids anything new.
const UNKNOWN_TIME = ' '.repeat('2026-01-01T00:00:00.000Z'.length);

/** What the file says before the first frame. */
export interface DescriptionOptions {
  readonly path: string;
  readonly description: AcquisitionDescription;
  readonly version: string;
  readonly layout: Layout;
}

/**
 * Writes what files of all layouts have: `/entry`, with all that is known before the first frame. Wherever the frames
 * lie, `/entry/data` leads viewers to them.
 */
export function writeEntry(file: File, { path, description, version, layout }: DescriptionOptions): void {
  const startTime = description.startedAt.toISOString();
  putAttributes(file, {
    NX_class: 'NXroot',
    default: 'entry',
    creator: 'dia',
    creator_version: version,
    file_name: path,
    file_time: startTime,
  });
  const entry = createGroup(file, 'entry', 'NXentry');
  putAttributes(entry, { default: 'data' });
  putText(
    entry,
    'title',
    description.acquisitionId === '' ? basename(path, '.h5') : description.acquisitionId,
  );
  putText(entry, 'start_time', startTime);
  entry.create_dataset({
    name: 'end_time',
    data: [UNKNOWN_TIME],
    shape: [],
    dtype: `S${UNKNOWN_TIME.length}`,
  });
  putText(entry, 'program_name', 'dia');
  putText(entry, 'acquisition_id', description.acquisitionId);
  putText(entry, 'acquisition_config', JSON.stringify(description.acquisition));
  const detector = createGroup(createGroup(entry, 'instrument', 'NXinstrument'), 'detector', 'NXdetector');
  const parameters = description.acquisition.detector ?? {};
  putNumber(detector, { name: 'count_time', value: parameters.exptime, units: 's' });
  putNumber(detector, { name: 'frame_time', value: parameters.period, units: 's' });
  putNumber(detector, { name: 'bit_depth_image', value: parameters.dr, dtype: '<i' });
  const plot = createGroup(entry, 'data', 'NXdata');
  putAttributes(plot, { signal: 'data' });
  plot.create_attribute('axes', ['frame_number', '.', '.'], [3], 'S');
  const facts = createGroup(entry, 'dia', 'NXcollection');
  const place = layout.place(description);
  putAttributes(facts, {
    layout: layout.name,
    images: imagesPath(place),
    frame_numbers: numbersPath(place),
  });
  facts.create_dataset({ name: 'complete', data: Uint8Array.of(0), shape: [], dtype: '<B' });
  for (const [name, value] of [
    ['frames_expected', description.framesExpected],
    ['frames_written', 0],
    ['frames_lost', 0],
    ['frames_incomplete', 0],
    ['user_id', description.userId],
  ] as const) {
    facts.create_dataset({ name, data: BigInt64Array.of(BigInt(value)), shape: [], dtype: '<q' });
  }
}

/** Path of the dataset of the images. */
export function imagesPath({ group, images }: FramePlace): string {
  return `${group}/${images}`;
}

/** Path of the dataset of the frame numbers. */
export function numbersPath({ group, numbers }: FramePlace): string {
  return `${group}/${numbers}`;
}

/** Writes a scalar dataset, and the groups above it that are missing. */
export function putValue(file: File, path: string, value: ParameterValue): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const group = ensureGroup(file, path.slice(0, path.lastIndexOf('/')), 'NXcollection');
  if (typeof value === 'string') putText(group, name, value);
  else if (typeof value === 'boolean')
    group.create_dataset({ name, data: [Number(value)], shape: [], dtype: '<B' });
  else if (Number.isSafeInteger(value))
    group.create_dataset({ name, data: BigInt64Array.of(BigInt(value)), shape: [], dtype: '<q' });
  else group.create_dataset({ name, data: [value], shape: [], dtype: '<d' });
}

/** The group at an absolute path; it and those above it are made where they are missing. */
export function ensureGroup(file: File, path: string, nexusClass: string): Group {
  let group: Group = file;
  const names = path.split('/').filter((name) => name !== '');
  for (const [index, name] of names.entries()) {
    const below = `/${names.slice(0, index + 1).join('/')}`;
    const isLast = index === names.length - 1;
    group = group.keys().includes(name)
      ? groupAt(file, below)
      : createGroup(group, name, isLast ? nexusClass : 'NXcollection');
  }
  return group;
}

/** @throws Error when there is no such group. */
export function groupAt(file: File, path: string): Group {
  const group = file.get(path);
  // Compared by what it can do: h5wasm is loaded lazily, so its classes are not at hand here.
  if (group === null || !('create_dataset' in group))
    throw new Error(`${file.filename} has no group ${path}.`);
  return group;
}

function createGroup(parent: Group, name: string, nexusClass: string): Group {
  const group = parent.create_group(name);
  putAttributes(group, { NX_class: nexusClass });
  return group;
}

function putAttributes(group: Group, attributes: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(attributes)) group.create_attribute(name, text, null, 'S');
}

function putText(group: Group, name: string, text: string): void {
  group.create_dataset({ name, data: text, shape: [], dtype: 'S' });
}

interface NumberField {
  readonly name: string;
  readonly value: JsonValue | undefined;
  readonly units?: string;
  readonly dtype?: '<d' | '<i';
}

/** Writes a number of the config, when it is one; the config's own check is the controller's affair. */
function putNumber(group: Group, { name, value, units, dtype = '<d' }: NumberField): void {
  if (typeof value !== 'number') return;
  const dataset = group.create_dataset({ name, data: [value], shape: [], dtype });
  if (units !== undefined) dataset.create_attribute('units', units, null, 'S');
}
