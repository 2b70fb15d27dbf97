import { closeSync, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { newSuperblock, SUPERBLOCK_BYTES } from '../../files/superblock.js';
import { type FileImage, imageOf } from './fileImage.js';
import type { NewGroup } from './newObjects.js';
import { writeWholeSync } from './writeQueue.js';

/** Makes a file of these objects; what was there under that name is overwritten. Throws what the disk says. */
export function writeNewFile(path: string, root: NewGroup): FileImage {
  const image = imageOf(root, { start: SUPERBLOCK_BYTES, at: new Date() });
  const { rootAddress, bytes } = image;
  const endBytes = SUPERBLOCK_BYTES + bytes.byteLength;
  writeFileSync(path, Buffer.concat([newSuperblock({ rootAddress, endBytes }), bytes]));
  return image;
}

/**
 * Puts other objects into a file that nobody writes, in place of those that are there: behind them, so that whoever opens
 * it finds the old ones or the new ones, whatever becomes of us. Throws what the disk says; the file is as it was then.
 */
export function replaceObjects(path: string, root: NewGroup): FileImage {
  const descriptor = openSync(path, 'r+');
  try {
    const { size } = fstatSync(descriptor);
    const image = imageOf(root, { start: size, at: new Date() });
    const { rootAddress, bytes } = image;
    try {
      writeWholeSync(descriptor, { address: size, bytes });
    } catch (error) {
      ftruncateSync(descriptor, size);
      throw error;
    }
    const endBytes = size + bytes.byteLength;
    writeWholeSync(descriptor, { address: 0, bytes: newSuperblock({ rootAddress, endBytes }) });
    return image;
  } finally {
    closeSync(descriptor);
  }
}
