import { type FileHandle, open } from 'node:fs/promises';
import { ComponentFailedError, type ErrorFacts, WrongStateError } from '../contracts/errors.js';
import { fileUsers } from './fileUsers.js';
import {
  SUPERBLOCK_AT as AT,
  FLAG,
  hasRightChecksum,
  hasSignature,
  SUPERBLOCK_BYTES,
  sealSuperblock,
} from './superblock.js';

/** What was found in a file, and done. */
export interface Repair {
  readonly file: string;
  /** What was wrong, in sentences; empty when there was nothing to repair. */
  readonly found: readonly string[];
}

/** Versions with a checksum, and from 3 on with consistency flags. */
const VERSIONS = [2, 3];
/** A file that others may have open unseen is left alone until it was not written for so long. */
const QUIET_MS = 60_000;

/**
 * Lets a file be opened again that was not closed because its writer was killed or its disk was full: clears the
 * consistency flags in the superblock, as `h5clear -s` does, and corrects the end of the file that stands there.
 * Nothing else is touched; a file without such marks is left as it is.
 *
 * The file has to be at rest. One that a process of this machine has open for writing is refused, and one that others
 * may have open unseen (another user's process, one outside this container, another machine) when it was written within the last minute.
 *
 * @throws ComponentFailedError `file_invalid` when it cannot be repaired so; WrongStateError `wrong_state` when it may
 * still be written.
 * Source: HDF5 file format specification 3.0, II.A "Format Signature and Superblock".
 */
export async function repairFile(path: string): Promise<Repair> {
  const handle = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    throw unrepairable(path, { actual: error.message, cause: error });
  });
  try {
    const block = await readSuperblock(handle, path);
    const { size, mtimeMs } = await handle.stat();
    const found = faults(block, size);
    if (found.length === 0) return { file: path, found };
    await requireRest(path, { mtimeMs, ownPid: process.pid });
    sealSuperblock(block, { flags: 0, endBytes: size });
    // One write within one sector: it is there as a whole or not at all.
    await handle.write(block, 0, SUPERBLOCK_BYTES, 0);
    await handle.sync();
    return { file: path, found };
  } finally {
    await handle.close();
  }
}

async function readSuperblock(handle: FileHandle, path: string): Promise<Buffer> {
  const block = Buffer.alloc(SUPERBLOCK_BYTES);
  const { bytesRead } = await handle.read(block, 0, SUPERBLOCK_BYTES, 0);
  if (bytesRead < SUPERBLOCK_BYTES || !hasSignature(block)) {
    throw unrepairable(path, { actual: 'no HDF5 superblock at its beginning' });
  }
  const version = block[AT.version] ?? 0;
  if (!VERSIONS.includes(version) || block[AT.addressBytes] !== 8 || block[AT.lengthBytes] !== 8) {
    throw unrepairable(path, { actual: `superblock version ${version}, which has no flags to clear` });
  }
  if (block.readBigUInt64LE(AT.base) !== 0n) throw unrepairable(path, { actual: 'a file inside another' });
  if (!hasRightChecksum(block)) {
    throw unrepairable(path, { actual: 'a superblock whose checksum is wrong' });
  }
  return block;
}

function faults(block: Buffer, sizeBytes: number): string[] {
  const flags = block[AT.flags] ?? 0;
  const found: string[] = [];
  if ((flags & FLAG.swmr) !== 0) found.push('It is marked as being written, with readers (SWMR).');
  else if ((flags & FLAG.write) !== 0) found.push('It is marked as being written.');
  const end = block.readBigUInt64LE(AT.end);
  // A longer file only has room at its end, which is harmless in one that was closed.
  if (end > BigInt(sizeBytes) || (found.length > 0 && end !== BigInt(sizeBytes))) {
    found.push(`Its superblock says that it ends after ${end} bytes, but it has ${sizeBytes}.`);
  }
  return found;
}

async function requireRest(path: string, own: { mtimeMs: number; ownPid: number }): Promise<void> {
  const { writers, mayBeHidden } = await fileUsers(path);
  const others = writers.filter((pid) => pid !== own.ownPid);
  if (others.length > 0) throw inUse(path, `process ${others.join(', ')} has it open for writing`);
  const quietMs = Date.now() - own.mtimeMs;
  if (mayBeHidden && quietMs < QUIET_MS) {
    const seconds = Math.max(0, Math.round(quietMs / 1000));
    throw inUse(
      path,
      `it was written ${seconds} s ago, and not all who may have it open can be seen from here`,
    );
  }
}

function inUse(path: string, actual: string): WrongStateError {
  return new WrongStateError('wrong_state', `${path} is not repaired: ${actual}.`, {
    component: 'writer',
    operation: 'repair the file',
    expected: 'a file that nobody writes any more',
    actual,
    hint: `End the writer. Where it cannot be seen from here, wait until ${QUIET_MS / 1000} s after its last write.`,
  });
}

function unrepairable(path: string, facts: ErrorFacts): ComponentFailedError {
  return new ComponentFailedError('file_invalid', `${path} cannot be repaired: ${String(facts.actual)}.`, {
    component: 'writer',
    operation: 'repair the file',
    expected: 'an HDF5 file with superblock version 2 or 3 that can be written',
    hint: 'Nothing was changed. Keep the file, and look at it with h5dump or h5debug.',
    ...facts,
  });
}
