import { lstat, realpath, stat, statfs } from 'node:fs/promises';

/** The disk that a folder is on. */
export interface Disk {
  readonly id: number;
  /** What users other than root can still write. */
  readonly freeBytes: number;
}

/** Looking at paths and disks. Failures carry the system's `code`. */
export interface PathLookups {
  /** The path with all links followed. */
  realpath(path: string): Promise<string>;
  /** What is there, links not followed; null: nothing, or nothing that we may see. */
  kind(path: string): Promise<'folder' | 'link' | 'other' | null>;
  disk(folder: string): Promise<Disk>;
}

/** Looks by itself. A file system that hangs is waited for, and takes one of the few threads that Node has for files. */
export const directLookups: PathLookups = {
  realpath: (path) => realpath(path),
  kind: (path) =>
    lstat(path).then(
      (facts) => (facts.isDirectory() ? 'folder' : facts.isSymbolicLink() ? 'link' : 'other'),
      () => null,
    ),
  disk: async (folder) => {
    const [{ dev: id }, { bavail, bsize }] = await Promise.all([stat(folder), statfs(folder)]);
    return { id, freeBytes: bavail * bsize };
  },
};
