import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { suggestion } from '../nearest.js';
import { SchemaCompiler } from '../schemas/schemaCompiler.js';
import { AcquisitionValidator } from './acquisitionConfig.js';
import { type CheckOptions, checkDeployment } from './checkDeployment.js';
import {
  type Deployment,
  DeploymentSchema,
  type PipelinesFrom,
  type WrittenDeployment,
} from './deployment.js';
import { type Finding, findingText, schemaFindings } from './deploymentFindings.js';
import { fillEnvironment } from './environment.js';
import { findDeployment } from './findDeployment.js';
import { applyOverrides, collectOverrides, type DeploymentFlags } from './overrides.js';
import { expandPipelines } from './pipelinesFrom.js';
import { type DocumentPath, parseYamlSource, type YamlSource } from './yamlSource.js';

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
  /** The settings, every default filled in, environment and flags applied, pipelines listed. */
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

const findingsWithDefaults = new SchemaCompiler({
  options: { allErrors: true, useDefaults: true, verbose: true },
});
const deploymentValidator = findingsWithDefaults.later<WrittenDeployment>(DeploymentSchema);
const templateValidator = new SchemaCompiler({ options: {} }).later<PipelinesFrom>(
  DeploymentSchema.properties.pipelinesFrom,
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

  const filled = fillEnvironment(source.value, { env: options.env, source });
  const overrides = collectOverrides(options.env, options.flags);
  const settings: unknown = applyOverrides(isObject(filled.value) ? filled.value : {}, overrides);
  const findings: Finding[] = [];
  const validateSchema = deploymentValidator();
  const fitsSchema = validateSchema(settings);
  if (!fitsSchema) findings.push(...schemaFindings(validateSchema.errors ?? [], source));
  const folder = dirname(file);
  const listed = await listPipelines(settings, folder, source);
  findings.push(...listed.findings);
  // What refers to something else can only be looked at where the shape is right.
  const { checkOptions } = options;
  findings.push(...checkDeployment(listed.settings, { source, checkOptions, isMade: listed.isMade }));

  const { validator, finding } = await loadValidator(settings, folder);
  if (finding !== null) findings.push({ path: ['schema'], text: finding, line: source.lineOf(['schema']) });
  if (validator !== null) findings.push(...missingSections(settings, validator.sections, source));

  const all = [...filled.findings, ...withoutConsequences(findings, filled.findings)];
  if (all.length > 0 || validator === null || !isComplete(listed.settings, fitsSchema)) {
    const inOrder = all.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
    const texts = inOrder.map((found) => filled.redact(findingText(found, overrides)));
    throw invalidDeployment(file, [...new Set(texts)]);
  }
  const deployment = listed.settings;
  return { deployment, file, folder, validator, ...resolvePaths(deployment, options.cwd) };
}

/** An auxiliary writer is configured by the section of its name. */
function missingSections(settings: unknown, sections: readonly string[], source: YamlSource): Finding[] {
  const writers =
    isObject(settings) && Array.isArray(settings.auxiliaryWriters) ? settings.auxiliaryWriters : [];
  return writers.flatMap((writer, index) => {
    const name = isObject(writer) ? writer.name : undefined;
    if (typeof name !== 'string' || sections.includes(name)) return [];
    const path = ['auxiliaryWriters', index, 'name'];
    const text = `expected a section of the schema of this name, got '${name}'.${suggestion(name, sections)}`;
    return [{ path, text, line: source.lineOf(path) }];
  });
}

/** What is wrong with a setting because its variable is missing need not be said as well. */
function withoutConsequences(findings: readonly Finding[], causes: readonly Finding[]): Finding[] {
  return findings.filter(
    ({ path }) => !causes.some((cause) => path.every((part, index) => part === cause.path[index])),
  );
}

/** A deployment that fits the schema, once its pipelines are listed. */
function isComplete(settings: unknown, fitsSchema: boolean): settings is Deployment {
  return fitsSchema && isObject(settings) && Array.isArray(settings.pipelines);
}

interface ListedPipelines {
  /** The settings with `pipelines` in place of `pipelinesFrom`. */
  readonly settings: unknown;
  readonly findings: readonly Finding[];
  /** Whether the pipelines were made from a file. */
  readonly isMade: boolean;
}

async function listPipelines(
  settings: unknown,
  folder: string,
  source: YamlSource,
): Promise<ListedPipelines> {
  const asWritten = { settings, findings: [], isMade: false };
  if (!isObject(settings)) return asWritten;
  const finding = (path: DocumentPath, text: string) => ({ path, text, line: source.lineOf(path) });
  const { pipelinesFrom: template, ...others } = settings;
  if (template === undefined) {
    const missing = settings.pipelines === undefined ? [finding(['pipelines'], 'is missing.')] : [];
    return { ...asWritten, findings: missing };
  }
  if (settings.pipelines !== undefined) {
    const both = finding(['pipelinesFrom'], "give either 'pipelines' or this, not both.");
    return { ...asWritten, findings: [both] };
  }
  const isTemplate = templateValidator();
  if (!isTemplate(template)) return { settings: others, findings: [], isMade: true };
  let text: string;
  try {
    text = await readText(resolve(folder, template.file));
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const unreadable = finding(['pipelinesFrom', 'file'], error.message);
    return { settings: others, findings: [unreadable], isMade: true };
  }
  const { pipelines, findings } = expandPipelines(template, text, basename(template.file));
  return {
    settings: pipelines.length === 0 ? others : { ...others, pipelines },
    findings: findings.map((found) => finding(found.path, found.text)),
    isMade: true,
  };
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
