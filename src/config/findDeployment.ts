import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnknownNameError } from '../contracts/errors.js';
import { suggestion } from '../nearest.js';

const DEPLOYMENT_FILE = 'deployment.yaml';

/** Folder of the deployments that come with the project. */
export function packagedDeploymentsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  // The compiled file lies deeper than its source, so the package is found by its manifest.
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'deployments');
}

/** Names of the deployments that come with the project, in alphabetical order. */
export async function listDeployments(folder = packagedDeploymentsFolder()): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, DEPLOYMENT_FILE)))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Absolute path of the deployment file that a name, a folder or a file stands for.
 *
 * A plain name is a packaged deployment, or else a folder of the working directory.
 *
 * @throws UnknownNameError `not_found` listing the packaged deployments.
 */
export async function findDeployment(nameOrPath: string, cwd: string): Promise<string> {
  const isPlainName =
    nameOrPath === basename(nameOrPath) && !isAbsolute(nameOrPath) && !/^\.*$/.test(nameOrPath);
  const candidates = isPlainName ? [join(packagedDeploymentsFolder(), nameOrPath)] : [];
  candidates.push(resolve(cwd, nameOrPath));
  for (const candidate of candidates) {
    const found = await stat(candidate).catch(() => null);
    if (found?.isFile()) return candidate;
    const file = join(candidate, DEPLOYMENT_FILE);
    if (found?.isDirectory() && existsSync(file)) return file;
  }
  const names = await listDeployments();
  const problem = isPlainName
    ? `There is no deployment '${nameOrPath}'.`
    : `There is no deployment file at ${resolve(cwd, nameOrPath)}.`;
  throw new UnknownNameError('not_found', `${problem}${isPlainName ? suggestion(nameOrPath, names) : ''}`, {
    operation: 'find the deployment',
    expected: names,
    actual: nameOrPath,
    hint: `Name one of ${names.join(', ')}, or the path of a ${DEPLOYMENT_FILE} or of its folder.`,
  });
}
