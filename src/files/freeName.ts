import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import {
  ComponentFailedError,
  DiaError,
  InvalidRequestError,
  NoSpaceError,
  WrongStateError,
} from '../contracts/errors.js';
import type { ExistingFile } from '../contracts/writer.js';

const MOST_ATTEMPTS = 100_000;

/** How a name is reserved. */
export interface ReserveOptions {
  readonly rule: ExistingFile;
  /** Numeric user (and group of the same number) to own the file and the folders made for it; null: nobody else. */
  readonly ownerId?: number | null;
}

/** A name that is ours, until it is kept or given back. */
export interface Reservation {
  /** The path really reserved: an empty file. */
  readonly path: string;
  /** Whether a file that was there before is set aside. */
  readonly replaces: boolean;
  /** Takes the empty file away again, for a program that makes its files by itself. */
  clear(): Promise<void>;
  /** To be called when the new file is really open: what was there before goes. Never throws. */
  keep(): Promise<void>;
  /**
   * Takes the file away, whatever became of it; what was there before comes back. A name that was cleared is not ours any
   * more: a file that somebody has made there stays, and the old one stays aside, which a warning of the process says.
   */
  giveBack(): Promise<void>;
}

/**
 * Reserves an output file: creates missing folders and the file itself, empty, so that nobody else gets the name.
 * Two reservations never win the same name, in whatever processes they are made (O_EXCL decides).
 *
 * With the rule `overwrite`, the file that is there is set aside in its folder, as `.<name>.<number>.replaced`; it is
 * still there when we die before the name is kept.
 *
 * @param path - Absolute and checked, see `resolveOutputFile`.
 * @returns The reservation, of `path`, or with the rule `number` of the next free `name_001.h5`.
 * @throws WrongStateError `file_exists` with the rule `refuse`; NoSpaceError; InvalidRequestError `invalid_path`
 * when a part of the path is no folder; ComponentFailedError when the system does not let us.
 */
export async function reserveFile(path: string, options: ReserveOptions): Promise<Reservation> {
  const ownerId = options.ownerId ?? null;
  // No file, but the whole machine's: it is neither numbered nor replaced. See `resolveOutputFile`.
  if (path === '/dev/null') return reservation(path, []);
  try {
    if (await createWithFolders(path, ownerId)) return reservation(path, []);
    switch (options.rule) {
      case 'number':
        return reservation(await reserveNumbered(path, ownerId), []);
      case 'overwrite':
        return await replace(path, ownerId);
      case 'refuse':
        throw new WrongStateError(
          'file_exists',
          `The file ${path} exists, and existing files are refused here.`,
          {
            component: 'writer',
            operation: 'open the output file',
            expected: 'a name that is free',
            actual: path,
            hint: 'Choose another output_file, or move the existing file away.',
          },
        );
    }
  } catch (error) {
    throw fileSystemError(error, path);
  }
}

/** @param aside - Where the files are that were there before, the last one last. */
function reservation(path: string, aside: readonly string[]): Reservation {
  let isOurs = true;
  return {
    path,
    replaces: aside.length > 0,
    clear: () => {
      isOurs = false;
      return releaseFile(path);
    },
    keep: async () => {
      // One that cannot be removed is in nobody's way.
      await Promise.allSettled(aside.map((file) => unlink(file)));
    },
    giveBack: async () => {
      if (isOurs) await releaseFile(path);
      await putBack(aside, path);
    },
  };
}

/** The last one gets the name again, unless somebody has made a file there meanwhile; then all of them stay aside. */
async function putBack(aside: readonly string[], path: string): Promise<void> {
  const last = aside.at(-1);
  if (last === undefined) return;
  try {
    if (await renameToFree(last, path)) {
      await Promise.allSettled(aside.slice(0, -1).map((file) => unlink(file)));
      return;
    }
    warn(`${path} was made by another program meanwhile. What was there before is kept as ${last}.`);
  } catch (error) {
    const { message } = error as Error;
    warn(`${path} cannot be put back (${message}). What was there before is kept as ${last}.`);
  }
}

/** Logged by whoever runs: the controller's log, or what the writer program says. */
function warn(text: string): void {
  process.emitWarning(text, 'ReplacedFile');
}

/** Never over another file: false when there is one. */
async function renameToFree(from: string, to: string): Promise<boolean> {
  const failure = await link(from, to).then(
    () => null,
    ({ code }: NodeJS.ErrnoException) => code,
  );
  if (failure === 'EEXIST') return false;
  if (failure === null) {
    await unlink(from);
    return true;
  }
  // Not every file system has hard links, nor may everybody make one to a file of somebody else.
  if (!(await create(to, null))) return false;
  await rename(from, to).catch(async (error: unknown) => {
    await releaseFile(to);
    throw error;
  });
  return true;
}

/** Gives a reserved name back: removes the file, if there is one. `/dev/null` stays. */
export async function releaseFile(path: string): Promise<void> {
  const facts = await lstat(path).catch(() => null);
  if (facts?.isFile()) await rm(path, { force: true });
}

async function reserveNumbered(path: string, ownerId: number | null): Promise<string> {
  const extension = extname(path);
  const stem = basename(path, extension);
  const folder = dirname(path);
  // One look at the folder spares thousands of attempts where a name was used thousands of times.
  const taken = new Set(await readdir(folder));
  for (let number = 1; number < MOST_ATTEMPTS; number += 1) {
    const name = `${stem}_${String(number).padStart(3, '0')}${extension}`;
    if (taken.has(name)) continue;
    const candidate = join(folder, name);
    if (await create(candidate, ownerId)) return candidate;
  }
  throw new WrongStateError('file_exists', `No free number is left for ${path}.`, {
    component: 'writer',
    operation: 'open the output file',
    expected: `fewer than ${MOST_ATTEMPTS} files of this name`,
    actual: path,
    hint: 'Choose another output_file.',
  });
}

async function replace(path: string, ownerId: number | null): Promise<Reservation> {
  const aside: string[] = [];
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      // Set aside rather than truncated: who has the old file open keeps it whole.
      const old = await setAside(path);
      if (old !== null) aside.push(old);
      if (await create(path, ownerId)) return reservation(path, aside);
    }
  } catch (error) {
    await putBack(aside, path);
    throw error;
  }
  throw new WrongStateError('file_exists', `Others keep creating ${path} while it is being replaced.`, {
    component: 'writer',
    operation: 'open the output file',
    actual: path,
    hint: 'Find the other program that writes this file.',
  });
}

/** Gives a file another name in its folder; null when there is none. */
async function setAside(path: string): Promise<string | null> {
  const facts = await lstat(path).catch(() => null);
  if (facts?.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
  // A part of the name is enough for people, and leaves room for the rest.
  const name = `.${basename(path).slice(0, 48)}.${randomBytes(6).toString('hex')}.replaced`;
  const aside = join(dirname(path), name);
  try {
    await rename(path, aside);
    return aside;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** As `create`, and makes the folders where they are missing: mostly they are there. */
async function createWithFolders(path: string, ownerId: number | null): Promise<boolean> {
  try {
    return await create(path, ownerId);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeFolders(dirname(path), ownerId);
    return create(path, ownerId);
  }
}

/** False when the name is taken. */
async function create(path: string, ownerId: number | null): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o664);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    if (ownerId !== null) await handle.chown(ownerId, ownerId);
    return true;
  } catch (error) {
    await releaseFile(path).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

async function makeFolders(folder: string, ownerId: number | null): Promise<void> {
  const first = await mkdir(folder, { recursive: true }).catch(async (error: NodeJS.ErrnoException) => {
    // What is said of a folder in a read-only one is that it does not exist; the one that does tells why.
    if (error.code === 'ENOENT') await access(await nearestFolder(folder), constants.W_OK);
    throw error;
  });
  if (first === undefined || ownerId === null) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    const handle = await open(made, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    await handle.chown(ownerId, ownerId).finally(() => handle.close());
  }
}

async function nearestFolder(folder: string): Promise<string> {
  const exists = await lstat(folder).catch(() => null);
  return exists !== null || folder === dirname(folder) ? folder : nearestFolder(dirname(folder));
}

/** Turns what the file system says into an error of ours; leaves our own alone. */
function fileSystemError(thrown: unknown, path: string): unknown {
  if (thrown instanceof DiaError) return thrown;
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  const facts = { component: 'writer', operation: 'open the output file', actual: path, cause: thrown };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new NoSpaceError('no_space', `There is no space left for ${path} (${code}).`, {
        ...facts,
        expected: 'free space on the disk',
        hint: 'Free space, or choose another folder.',
      });
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return new InvalidRequestError('invalid_path', `${path} cannot be a file (${code}).`, {
        ...facts,
        expected: 'a path whose every part but the last is a folder or is free',
        hint: 'Choose another output_file.',
      });
    case undefined:
      return thrown;
    default:
      return new ComponentFailedError(
        'component_failed',
        `The system does not let us create ${path} (${code}).`,
        {
          ...facts,
          expected: 'a folder this user may write to',
          hint: `Check the folder's permissions for the user ${process.getuid?.() ?? '?'} and the state of the disk.`,
        },
      );
  }
}
