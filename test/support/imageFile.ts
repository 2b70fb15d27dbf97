import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadHdf5 } from '../../src/files/hdf5.js';

/** The bytes of an HDF5 file with that many images of 2x3 pixels, as a DECTRIS control unit makes them. */
export async function imageFile(count: number): Promise<Buffer> {
  const { File } = await loadHdf5();
  const folder = await mkdtemp(join(tmpdir(), 'dia-image-file-'));
  const path = join(folder, 'images.h5');
  try {
    const file = new File(path, 'w');
    const images = { data: new Uint16Array(count * 6), shape: [count, 2, 3], dtype: '<H' };
    file
      .create_group('entry')
      .create_group('data')
      .create_dataset({ name: 'data', ...images });
    file.close();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
