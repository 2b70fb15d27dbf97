import type { File } from 'h5wasm/node';
import type { Hdf5 } from '../../src/files/hdf5.js';

/** Where the header of an object lies in the file. An object reference of HDF5 is nothing else. */
export function addressOf(hdf5: Hdf5, file: File, path: string): number {
  const reference = hdf5.Module.create_object_reference(file.file_id, path);
  return Number(Buffer.from(reference).readBigUInt64LE());
}
