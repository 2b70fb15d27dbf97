import { checkAdapterOptions } from '../adapters/registry.js';
import { type LoadedDeployment, loadDeployment } from '../config/loadDeployment.js';
import { missingPrograms } from '../config/missingPrograms.js';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { resolveOutputFile } from '../files/dataRoots.js';
import { LookupHelper } from '../files/lookupHelper.js';
import type { ExitName } from './exitCodes.js';
import { readInput } from './inputFile.js';
import type { Output } from './output.js';
import { parseConfig } from './runConfig.js';

/** What a check found. */
interface Findings {
  readonly findings: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Checks a deployment, and an acquisition config against it, as the server would, without any server. The
 * environment counts as it does for `dia serve`.
 */
export async function validateCommand(
  output: Output,
  deploymentName: string,
  configPath: string | undefined,
): Promise<ExitName> {
  const loaded = await loadDeployment(deploymentName, {
    env: process.env,
    flags: {},
    cwd: process.cwd(),
    checkOptions: checkAdapterOptions,
  });
  const programs = await missingPrograms(loaded.deployment, { env: process.env, cwd: process.cwd() });
  const config =
    configPath === undefined
      ? { findings: [], warnings: [] }
      : await checkConfig(loaded, parseConfig(await readInput(configPath), configPath));
  const findings = [...programs, ...config.findings];
  const valid = findings.length === 0;
  output.document({ valid, deployment: loaded.file, config: configPath ?? null, ...config, findings });
  if (programs.length === 0) output.line(`${output.paint('green', 'valid')}: ${loaded.file}`);
  else output.problem(`${output.paintProblem('red', 'invalid:')} ${loaded.file}`);
  for (const finding of programs) output.problem(`  ${finding}`);
  for (const warning of config.warnings)
    output.problem(`${output.paintProblem('yellow', 'warning:')} ${warning}`);
  if (configPath === undefined) return valid ? 'ok' : 'usage';
  if (config.findings.length === 0) output.line(`${output.paint('green', 'valid')}: ${configPath}`);
  else output.problem(`${output.paintProblem('red', 'invalid:')} ${configPath}`);
  for (const finding of config.findings) output.problem(`  ${finding}`);
  return valid ? 'ok' : 'usage';
}

async function checkConfig(loaded: LoadedDeployment, given: JsonValue): Promise<Findings> {
  const { config, findings, warnings } = loaded.validator.validate(given);
  const outside = findings.length > 0 ? [] : await pathFindings(loaded, config);
  return { findings: [...findings, ...outside], warnings };
}

/** Whether every output file lies where files may lie; here that may differ from the machine of the server. */
async function pathFindings(
  { dataFolder, roots, stateFolder, deployment }: LoadedDeployment,
  config: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>,
): Promise<string[]> {
  const findings: string[] = [];
  const helper = new LookupHelper();
  const lookups = helper.within(deployment.limits.lookupTimeoutMs);
  for (const { output_file: outputFile } of Object.values(config)) {
    if (typeof outputFile !== 'string') continue;
    try {
      await resolveOutputFile(outputFile, {
        dataFolder,
        roots,
        stateFolder,
        allowDevNull: deployment.allowDevNull,
        lookups,
      });
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      findings.push(`${error.message} Expected ${error.facts.expected}.`);
    }
  }
  helper.close();
  return findings;
}
