import { lstat, realpath, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The disk that a folder is on. */
export interface Disk {
  readonly id: number;
  /** What users other than root can still write. */
  readonly freeBytes: number;
}

/** What is there, links not followed; null: nothing, or nothing that we may see. */
export type PathKind = 'folder' | 'link' | 'other' | null;

/** Where a path really leads, or which part of it leads nowhere, with the system's word for why. */
export type Location = { readonly path: string } | { readonly deadEnd: string; readonly code: string };

/** Looking at paths and disks. Failures carry the system's `code`. */
export interface PathLookups {
  /** Follows the links of what exists of the path; the rest stays as it is. */
  locate(path: string): Promise<Location>;
  kind(path: string): Promise<PathKind>;
  disk(folder: string): Promise<Disk>;
}

/** Looks by itself. A file system that hangs is waited for, and takes one of the few threads that Node has for files. */
export const directLookups: PathLookups = { locate, kind, disk };

async function locate(path: string): Promise<Location> {
  try {
    await lstat(path);
    return { path: await realpath(path) };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // A dangling link would lead the file to a place that nobody checked.
    if (code !== 'ENOENT' || (await kind(path)) === 'link') return { deadEnd: path, code };
    const folder = await located(dirname(path));
    return 'path' in folder ? { path: join(folder.path, basename(path)) } : folder;
  }
}

const underWay = new Map<string, Promise<Location>>();

/** Once for all new files of a folder that are being looked at. */
function located(folder: string): Promise<Location> {
  const known = underWay.get(folder);
  if (known !== undefined) return known;
  const location = locate(folder).finally(() => underWay.delete(folder));
  underWay.set(folder, location);
  return location;
}

function kind(path: string): Promise<PathKind> {
  return lstat(path).then(
    (facts) => (facts.isDirectory() ? 'folder' : facts.isSymbolicLink() ? 'link' : 'other'),
    () => null,
  );
}

async function disk(folder: string): Promise<Disk> {
  const [{ dev: id }, { bavail, bsize }] = await Promise.all([stat(folder), statfs(folder)]);
  return { id, freeBytes: bavail * bsize };
}
