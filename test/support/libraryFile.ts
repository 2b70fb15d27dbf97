import type { Group } from 'h5wasm/node';
import type { Hdf5 } from '../../src/files/hdf5.js';
import type { NewDataset, NewGroup, ValueType } from '../../src/writer/hdf5/newObjects.js';

/** The types in the words of h5wasm: byte order, then a letter (as in Python's struct). */
const HDF5_TYPES = {
  uint8: '<B',
  int8: '<b',
  uint16: '<H',
  int16: '<h',
  uint32: '<I',
  int32: '<i',
  float32: '<f',
  uint64: '<Q',
  int64: '<q',
  float64: '<d',
  text: 'S',
} as const;

/** Makes a file of these objects through the HDF5 library: what the writer's own files are held against. */
export function writeWithLibrary(hdf5: Hdf5, path: string, root: NewGroup): void {
  const file = new hdf5.File(path, 'w', { libver: 'v110' });
  try {
    fill(file, root);
  } finally {
    file.close();
  }
}

function fill(group: Group, { attributes, children }: NewGroup): void {
  for (const [name, value] of attributes) putAttribute(group, name, value);
  for (const [name, child] of children) {
    if (child.kind === 'group') fill(group.create_group(name), child);
    else if (child.kind === 'link') group.create_soft_link(child.path, name);
    else putDataset(group, name, child);
  }
}

function putAttribute(
  to: Pick<Group, 'create_attribute'>,
  name: string,
  value: string | readonly string[],
): void {
  if (typeof value === 'string') to.create_attribute(name, value, null, 'S');
  else to.create_attribute(name, [...value], [value.length], 'S');
}

function putDataset(group: Group, name: string, { type, content, attributes }: NewDataset): void {
  const dtype = wordOf(type);
  const dataset =
    'value' in content
      ? group.create_dataset({ name, data: libraryValue(type, content.value), shape: [], dtype })
      : group.create_dataset({
          name,
          data: nothingOf(type),
          dtype,
          shape: [0, ...content.rowShape],
          maxshape: [null, ...content.rowShape],
          chunks: [content.chunkRows, ...content.rowShape],
        });
  for (const [key, value] of attributes) putAttribute(dataset, key, value);
}

/** The name of a type in h5wasm. */
function wordOf(type: ValueType): string {
  return typeof type === 'object' ? `S${type.textBytes}` : HDF5_TYPES[type];
}

function libraryValue(type: ValueType, value: Uint8Array | string) {
  if (typeof value === 'string') return value;
  if (typeof type === 'object') return [Buffer.from(value).toString()];
  return typedArray(type, Uint8Array.from(value).buffer);
}

const nothingOf = (type: ValueType) => (typeof type === 'object' ? [] : typedArray(type, new ArrayBuffer(0)));

function typedArray(type: ValueType, buffer: ArrayBuffer) {
  switch (type) {
    case 'uint8':
      return new Uint8Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    default:
      throw new Error('A text has no array.');
  }
}
