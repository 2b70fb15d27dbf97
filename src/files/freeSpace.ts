import { dirname } from 'node:path';
import { NoSpaceError } from '../contracts/errors.js';
import type { Disk, PathLookups } from './pathLookups.js';

/** What a file is going to need. */
export interface SpaceNeed {
  /** Name of the writer, for messages. */
  readonly component: string;
  /** Absolute path of the file; neither it nor its folder needs to exist. */
  readonly file: string;
  /** 0: until stopped, so nobody knows. */
  readonly frames: number;
  /** 0: not known. */
  readonly frameBytes: number;
}

/** The disk that a file would be on. */
interface FileDisk extends Disk {
  /** The nearest folder that exists. */
  readonly folder: string;
}

/**
 * Checks that the disks have room for files that are going to be written; files on the same disk are added up.
 *
 * @param reserveBytes - What has to remain free.
 * @throws NoSpaceError `no_space` with what is needed and what there is; what `lookups` throw when the disk hangs.
 */
export async function checkFreeSpace(
  needs: readonly SpaceNeed[],
  { reserveBytes, lookups }: { readonly reserveBytes: number; readonly lookups: PathLookups },
): Promise<void> {
  const byDisk = new Map<number, { readonly disk: FileDisk; readonly needs: SpaceNeed[] }>();
  const disks = await Promise.all(
    needs.map(async (need) => ({ need, disk: await diskOf(need.file, lookups) })),
  );
  for (const { need, disk } of disks) {
    const known = byDisk.get(disk.id) ?? { disk, needs: [] };
    known.needs.push(need);
    byDisk.set(disk.id, known);
  }
  for (const { disk, needs: onDisk } of byDisk.values()) {
    const framesBytes = onDisk.reduce((sum, need) => sum + need.frames * need.frameBytes, 0);
    if (framesBytes + reserveBytes > disk.freeBytes)
      throw noSpace(disk, onDisk, { framesBytes, reserveBytes });
  }
}

async function diskOf(file: string, lookups: PathLookups): Promise<FileDisk> {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    try {
      return { ...(await lookups.disk(folder)), folder };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || folder === dirname(folder)) throw error;
    }
  }
}

interface Sum {
  readonly framesBytes: number;
  readonly reserveBytes: number;
}

function noSpace(
  disk: FileDisk,
  needs: readonly SpaceNeed[],
  { framesBytes, reserveBytes }: Sum,
): NoSpaceError {
  const [first] = needs;
  const files = needs.map(({ file }) => file).join(' and ');
  const kinds = [
    ...new Set(needs.map(({ frames, frameBytes }) => `${frames} frames of ${frameBytes} bytes`)),
  ];
  const wanted =
    framesBytes > 0
      ? `${kinds.join(' and ')} need ${framesBytes} bytes, and ${reserveBytes} bytes have to remain free`
      : `${reserveBytes} bytes have to be free`;
  return new NoSpaceError(
    'no_space',
    `There is not enough space for ${files}: ${wanted}, but ${disk.freeBytes} bytes are free in ${disk.folder}.`,
    {
      component: first?.component ?? 'writer',
      operation: 'check the free space',
      expected: `${framesBytes + reserveBytes} bytes free in ${disk.folder}`,
      actual: `${disk.freeBytes} bytes free`,
      hint: 'Nothing was started. Free space, choose another folder for output_file, or take fewer frames.',
    },
  );
}
