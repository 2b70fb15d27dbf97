import { loadHdf5 } from '../../src/files/hdf5.js';

const DETECTOR = 'entry/instrument/detector';

/** Reads a dataset of a closed file whole. */
export async function readDataset(path: string, dataset: string): Promise<unknown> {
  const { File } = await loadHdf5();
  const file = new File(path, 'r');
  try {
    const found = file.get(dataset);
    return found !== null && 'value' in found ? found.value : undefined;
  } finally {
    file.close();
  }
}

/** Pixel [0, 0] of each frame of a closed uint16 file. */
export async function firstPixels(path: string): Promise<number[]> {
  const { File } = await loadHdf5();
  const file = new File(path, 'r');
  try {
    const data = file.get(`${DETECTOR}/data`);
    if (data === null || !('slice' in data)) return [];
    return Array.from(data.slice([[], [0, 1], [0, 1]]) as Uint16Array);
  } finally {
    file.close();
  }
}

/** The per-frame dataset `name` of a closed file. */
export async function perFrame(path: string, name: string): Promise<number[]> {
  const value = await readDataset(path, `${DETECTOR}/${name}`);
  return Array.from(value as ArrayLike<number | bigint>, Number);
}
