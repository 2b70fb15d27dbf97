import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hdf5 } from '../../files/hdf5.js';
import { CHUNK_FILTER } from '../decoders/decoder.js';
import { passThroughPlugin } from './passThroughPlugin.js';

let registering: Promise<void> | undefined;

/**
 * Teaches the HDF5 library, once, to store chunks that are lz4 or bitshuffled already, as filters 32004 and 32008. It
 * loads plugins from files, so for a moment there is a private folder of them.
 *
 * @throws Error when that folder cannot be written, or the library does not take them.
 */
export function registerChunkFilters(hdf5: Hdf5): Promise<void> {
  registering ??= register(hdf5);
  return registering;
}

async function register(hdf5: Hdf5): Promise<void> {
  const ids = Object.values(CHUNK_FILTER);
  const folder = await mkdtemp(join(tmpdir(), 'dia-hdf5-plugins-'));
  try {
    for (const id of ids) await writeFile(join(folder, `libdia${id}.so`), passThroughPlugin(id));
    hdf5.Module.insert_plugin_search_path(folder, 0);
    try {
      // The first dataset with a filter makes the library look for it.
      const file = new hdf5.File(join(folder, 'probe.h5'), 'w');
      try {
        for (const id of ids) createProbe(file, id);
      } finally {
        file.close();
      }
    } finally {
      hdf5.Module.remove_plugin_search_path(0);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function createProbe(file: InstanceType<Hdf5['File']>, id: number): void {
  file.create_dataset({
    name: `probe${id}`,
    data: new Uint8Array(0),
    shape: [0],
    maxshape: [null],
    chunks: [8],
    compression: id,
    compression_opts: [],
  });
}
