import { lstat, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { InvalidRequestError } from '../contracts/errors.js';

/** Where output files may lie. */
export interface DataFolders {
  /** Where relative names lie; always a root. Absolute. */
  readonly dataFolder: string;
  /** Further folders absolute names may be in. Absolute. */
  readonly roots: readonly string[];
  /** Whether `/dev/null` is accepted, for runs of which nothing is kept. */
  readonly allowDevNull?: boolean | undefined;
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
 * @throws InvalidRequestError `invalid_path`.
 */
export async function resolveOutputFile(outputFile: string, folders: DataFolders): Promise<string> {
  if (folders.allowDevNull && outputFile === '/dev/null') return outputFile;
  checkName(outputFile);
  const named = outputFile.endsWith('.h5') ? outputFile : `${outputFile}.h5`;
  const path = isAbsolute(named) ? resolve(named) : join(folders.dataFolder, named);
  checkLengths(outputFile, path);
  const roots = [folders.dataFolder, ...folders.roots].map((root) => resolve(root));
  if (!roots.some((root) => isInside(path, root))) throw outside(outputFile, path, roots);
  const realPath = await realLocation(path, outputFile);
  const realRoots = await Promise.all(roots.map((root) => realLocation(root, outputFile)));
  if (!realRoots.some((root) => isInside(realPath, root))) throw outside(outputFile, realPath, roots);
  if (await isFolder(path)) {
    throw invalid(`${path} is a folder.`, { expected: 'the name of a file', actual: outputFile });
  }
  return path;
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
  if (last === '' || last === '.') {
    throw invalid('The output file is named like a folder.', {
      expected: 'the name of a file',
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
async function realLocation(path: string, outputFile: string): Promise<string> {
  let existing = path;
  for (;;) {
    try {
      return join(await realpath(existing), relative(existing, path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // A dangling link would lead the file to a place that nobody checked.
      if (code !== 'ENOENT' || (await isLink(existing))) {
        throw invalid(`${existing} leads nowhere (${code}).`, {
          expected: 'a path of folders, or of links to folders inside the data roots',
          actual: outputFile,
          cause: error,
        });
      }
      existing = dirname(existing);
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (facts) => facts.isSymbolicLink(),
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
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

interface InvalidFacts {
  readonly expected: string;
  readonly actual: string | null;
  readonly cause?: unknown;
}

function invalid(message: string, facts: InvalidFacts): InvalidRequestError {
  return new InvalidRequestError('invalid_path', message, {
    component: 'writer',
    operation: 'check the output file',
    hint: "Give output_file a plain name, or an absolute path inside the deployment's data roots.",
    ...facts,
  });
}
