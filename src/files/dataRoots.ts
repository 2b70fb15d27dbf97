import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { InvalidRequestError } from '../contracts/errors.js';
import { directLookups, type PathLookups } from './pathLookups.js';

/** Where output files may lie. */
export interface DataFolders {
  /** Where relative names lie; always a root. Absolute. */
  readonly dataFolder: string;
  /** Further folders absolute names may be in. Absolute. */
  readonly roots: readonly string[];
  /** Folder for logs, journal and run files, which is no place for output. Absolute. */
  readonly stateFolder?: string | undefined;
  /** Whether `/dev/null` is accepted, for runs of which nothing is kept. */
  readonly allowDevNull?: boolean | undefined;
  /** How it is looked at the disk; by itself unless told. */
  readonly lookups?: PathLookups | undefined;
}

// Some writers pass a name to a shell, and some detectors' tools split at blanks: what those would take apart never
// gets that far.
const ALLOWED_NAME = /^[\p{L}\p{M}\p{N}._\-/+=,@:%{}~#]+$/u;
const LONGEST_PATH_BYTES = 4095;
const LONGEST_NAME_BYTES = 255;

/**
 * Makes the absolute path of an output file from what a client asked for: relative names lie in the data folder,
 * `.h5` is appended where it is missing, and the file really lies inside one of the roots, symbolic links followed.
 *
 * @throws InvalidRequestError `invalid_path`; what `lookups` throw when the disk hangs.
 */
export async function resolveOutputFile(outputFile: string, folders: DataFolders): Promise<string> {
  if (folders.allowDevNull && outputFile === '/dev/null') return outputFile;
  checkName(outputFile);
  const named = outputFile.endsWith('.h5') ? outputFile : `${outputFile}.h5`;
  const path = isAbsolute(named) ? resolve(named) : join(folders.dataFolder, named);
  checkLengths(outputFile, path);
  const roots = [folders.dataFolder, ...folders.roots].map((root) => resolve(root));
  if (!roots.some((root) => isInside(path, root))) throw outside(outputFile, path, roots);
  const { lookups = directLookups } = folders;
  const locate = begin((where: string) => realLocation(where, outputFile, lookups));
  // The root that it seems to be in comes first: another one may be on a disk that is away.
  const likely = roots.toSorted((a, b) => Number(isInside(path, b)) - Number(isInside(path, a)));
  // What is going to be asked in any case is asked at once.
  const located = locate(path);
  const [first = folders.dataFolder] = likely;
  const firstRoot = locate(first);
  const state = folders.stateFolder === undefined ? undefined : locate(folders.stateFolder);
  const kind = begin(lookups.kind)(path);
  const realPath = await located;
  const realRoots: string[] = [];
  for (const root of likely) {
    const realRoot = await (root === first ? firstRoot : locate(root));
    realRoots.push(realRoot);
    if (isInside(realPath, realRoot)) break;
  }
  const realRoot = realRoots.find((root) => isInside(realPath, root));
  if (realRoot === undefined) throw outside(outputFile, realPath, roots);
  if (folders.stateFolder !== undefined) {
    const realState = (await state) ?? folders.stateFolder;
    // Data may lie below the state folder, where a deployment says so.
    const isApart = realRoot !== realState && !isInside(realRoot, realState);
    if (isApart && isInside(realPath, realState)) throw amongOurs(outputFile, folders.stateFolder);
  }
  if ((await kind) === 'folder') {
    throw invalid(`${path} is a folder.`, { expected: 'the name of a file', actual: outputFile });
  }
  return path;
}

/** Calls whose outcome is asked for later, or never. */
function begin<T>(call: (path: string) => Promise<T>): (path: string) => Promise<T> {
  return (path) => {
    const outcome = call(path);
    outcome.catch(() => undefined);
    return outcome;
  };
}

function checkName(outputFile: string): void {
  if (typeof outputFile !== 'string' || outputFile === '') {
    throw invalid('The output file has no name.', {
      expected: 'the name of a file',
      actual: outputFile ?? null,
    });
  }
  if (!ALLOWED_NAME.test(outputFile)) {
    const odd = [...outputFile].find((character) => !ALLOWED_NAME.test(character)) ?? '';
    throw invalid(`The output file's name has the character ${JSON.stringify(odd)} in it.`, {
      expected: 'letters, digits and . _ - / + = , @ : % { } ~ #',
      actual: outputFile,
    });
  }
  const segments = outputFile.split('/');
  if (segments.includes('..')) {
    throw invalid("The output file's name goes up with '..'.", {
      expected: "a path without '..'",
      actual: outputFile,
    });
  }
  const last = segments.at(-1) ?? '';
  if (last === '') {
    throw invalid('The output file is named like a folder.', {
      expected: 'the name of a file',
      actual: outputFile,
    });
  }
  // Also what becomes of '.' and '..' when an ending or the name of a pipeline is put behind them.
  if (last.startsWith('.')) {
    throw invalid("The output file's name begins with a dot.", {
      expected: 'a name that is no folder and that everybody sees',
      actual: outputFile,
    });
  }
}

function checkLengths(outputFile: string, path: string): void {
  const tooLong =
    Buffer.byteLength(path) > LONGEST_PATH_BYTES ||
    path.split(sep).some((name) => Buffer.byteLength(name) > LONGEST_NAME_BYTES);
  if (!tooLong) return;
  throw invalid("The output file's name is too long.", {
    expected: `at most ${LONGEST_NAME_BYTES} bytes a name and ${LONGEST_PATH_BYTES} in all`,
    actual: `${outputFile.slice(0, 60)}… (${Buffer.byteLength(path)} bytes)`,
  });
}

/** Follows the links of what exists of `path`; the rest stays as it is. */
async function realLocation(path: string, outputFile: string, lookups: PathLookups): Promise<string> {
  const location = await lookups.locate(path);
  if ('path' in location) return location.path;
  const { deadEnd, code } = location;
  throw invalid(`${deadEnd} leads nowhere (${code}).`, {
    expected: 'a path of folders, or of links to folders inside the data roots',
    actual: outputFile,
  });
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(outputFile: string, path: string, roots: readonly string[]): InvalidRequestError {
  const unique = [...new Set(roots)];
  return invalid(`The output file ${path} lies outside the data roots.`, {
    expected: `a file inside ${unique.join(' or ')}`,
    actual: outputFile,
  });
}

function amongOurs(outputFile: string, stateFolder: string): InvalidRequestError {
  return invalid(`The output file would lie among the controller's own files in ${stateFolder}.`, {
    expected: `a file outside ${stateFolder}`,
    actual: outputFile,
  });
}

interface InvalidFacts {
  readonly expected: string;
  readonly actual: string | null;
}

function invalid(message: string, facts: InvalidFacts): InvalidRequestError {
  return new InvalidRequestError('invalid_path', message, {
    component: 'writer',
    operation: 'check the output file',
    hint: "Give output_file a plain name, or an absolute path inside the deployment's data roots.",
    ...facts,
  });
}
