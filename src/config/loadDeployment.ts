import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { AcquisitionValidator } from './acquisitionConfig.js';
import { type CheckOptions, checkDeployment } from './checkDeployment.js';
import { type Deployment, DeploymentSchema } from './deployment.js';
import { type Finding, findingText, schemaFindings } from './deploymentFindings.js';
import { findDeployment } from './findDeployment.js';
import { applyOverrides, collectOverrides, type DeploymentFlags } from './overrides.js';
import { parseYamlSource } from './yamlSource.js';

/** What surrounds a deployment file. */
export interface LoadOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly flags: DeploymentFlags;
  /** Working directory: relative paths of the command line and of `paths` start here. */
  readonly cwd: string;
  /** Knows the adapters. Addresses of services are filled in with samples before it is asked. */
  readonly checkOptions: CheckOptions;
}

/** A deployment that is right, with everything that is needed to run it. */
export interface LoadedDeployment {
  /** The settings, every default filled in, environment and flags applied. */
  readonly deployment: Deployment;
  /** Absolute path of the deployment file. */
  readonly file: string;
  /** Folder of the deployment file. */
  readonly folder: string;
  /** Absolute folder for relative output files. */
  readonly dataFolder: string;
  /** Absolute folders in which output files are allowed; the data folder is the first. */
  readonly roots: readonly string[];
  /** Absolute folder for logs, journal and run files. */
  readonly stateFolder: string;
  /** Checks acquisition configs against this deployment's schema. */
  readonly validator: AcquisitionValidator;
}

const validateSchema = new Ajv2020({ allErrors: true, useDefaults: true, verbose: true }).compile<Deployment>(
  DeploymentSchema,
);

/**
 * Loads and checks a deployment: file < environment < flags.
 *
 * @param nameOrPath - Name of a packaged deployment, or path of a deployment file or of its folder.
 * @throws UnknownNameError when there is no such deployment.
 * @throws InvalidRequestError `invalid_deployment` telling everything that is wrong with it, a line each.
 */
export async function loadDeployment(nameOrPath: string, options: LoadOptions): Promise<LoadedDeployment> {
  const file = await findDeployment(nameOrPath, options.cwd);
  const source = parseYamlSource(await readText(file));
  if (source.findings.length > 0) throw invalidDeployment(file, source.findings);
  if (!isObject(source.value)) {
    throw invalidDeployment(file, ['expected keys such as name and pipelines, but the file has none.']);
  }

  const overrides = collectOverrides(options.env, options.flags);
  const settings: unknown = applyOverrides(source.value, overrides);
  const findings: Finding[] = [];
  const fitsSchema = validateSchema(settings);
  if (!fitsSchema) findings.push(...schemaFindings(validateSchema.errors ?? [], source));
  // What refers to something else can only be looked at where the shape is right.
  findings.push(...checkDeployment(settings, { source, checkOptions: options.checkOptions }));

  const folder = dirname(file);
  const { validator, finding } = await loadValidator(settings, folder);
  if (finding !== null) findings.push({ path: ['schema'], text: finding, line: source.lineOf(['schema']) });

  if (findings.length > 0 || validator === null || !fitsSchema) {
    const inOrder = findings.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw invalidDeployment(file, [...new Set(inOrder.map((found) => findingText(found, overrides)))]);
  }
  return { deployment: settings, file, folder, validator, ...resolvePaths(settings, options.cwd) };
}

/** Replaces `tmp` and `${tmpdir}` by the system's temporary folder. */
function expandRoot(root: string): string {
  return root === 'tmp' ? tmpdir() : root.replaceAll(/\$\{tmpdir\}/g, () => tmpdir());
}

function resolvePaths({ paths }: Deployment, cwd: string) {
  const dataFolder = resolve(cwd, paths.data);
  const roots = [...new Set([dataFolder, ...paths.roots.map((root) => resolve(expandRoot(root)))])];
  return { dataFolder, roots, stateFolder: resolve(cwd, paths.state ?? join(dataFolder, '.dia')) };
}

async function loadValidator(
  settings: unknown,
  folder: string,
): Promise<{ validator: AcquisitionValidator | null; finding: string | null }> {
  const name = isObject(settings) ? settings.schema : undefined;
  if (typeof name !== 'string' || name === '') return { validator: null, finding: null };
  const file = isAbsolute(name) ? name : resolve(folder, name);
  try {
    return { validator: AcquisitionValidator.fromText(await readText(file), file), finding: null };
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    return { validator: null, finding: error.message };
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new InvalidRequestError(
      'invalid_deployment',
      `Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}.`,
      { operation: 'read the deployment', hint: 'Check that the file exists and may be read.', cause: error },
    );
  }
}

function invalidDeployment(file: string, findings: readonly string[]): InvalidRequestError {
  const count = findings.length === 1 ? '1 problem' : `${findings.length} problems`;
  return new InvalidRequestError(
    'invalid_deployment',
    `${file} has ${count}:\n${findings.map((finding) => `  ${finding}`).join('\n')}`,
    {
      operation: 'load the deployment',
      actual: [...findings],
      hint: 'Every key is explained in docs/deployments.md. `dia validate <deployment>` checks without starting anything.',
    },
  );
}

function isObject(value: unknown): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
