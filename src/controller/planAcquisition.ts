import { randomUUID } from 'node:crypto';
import { applyFileRules, completeFileRules, type FileRule, NO_FILE } from '../config/fileRules.js';
import type { AcquisitionPlan, PipelinePlan, StallRule } from '../contracts/acquisition.js';
import { InvalidRequestError, WrongStateError } from '../contracts/errors.js';
import type { AcquisitionConfig, Section } from '../contracts/json.js';
import type { ExistingFile, WriterParameters } from '../contracts/writer.js';
import { resolveOutputFile } from '../files/dataRoots.js';
import { fillFileName, type NameFacts } from '../files/fileNames.js';
import type { PathLookups } from '../files/pathLookups.js';

export interface PlanOptions {
  readonly pipelines: readonly string[];
  readonly auxiliaryWriters: readonly string[];
  /** The config of one pipeline, its overlay merged in and checked. */
  readonly configOf: (pipeline: string) => AcquisitionConfig;
  readonly dataFolder: string;
  readonly roots: readonly string[];
  /** The controller's own folder, in which no output may lie. */
  readonly stateFolder?: string;
  readonly existingFile: ExistingFile;
  /** What the deployment adds to paths for each pipeline; none by default. */
  readonly fileRules?: readonly FileRule[];
  readonly stall: StallSettings;
  /** Whether an output file may be `/dev/null`; not by default. */
  readonly allowDevNull?: boolean;
  /** How it is looked at the disk. */
  readonly lookups: PathLookups;
  /** The number of this run, for names with `{run}`; asked at most once for a plan. */
  readonly runNumber: () => Promise<number>;
}

/** The deployment's settings for acquisitions that stall. */
export interface StallSettings {
  /** Without it ten periods, at least 5 s. */
  readonly timeoutMs?: number;
  readonly action: 'report' | 'error';
  readonly waitForTrigger: boolean;
  /** Whether no writer tells of frames while they come: then nobody can see that none do. */
  readonly unseen?: boolean;
}

const STALL_PERIODS = 10;
const SHORTEST_STALL_MS = 5_000;
/** A longer timer would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Works out what every component is to be told, before any of them hears of it. Paths are resolved inside the
 * data roots here and nowhere later.
 */
export async function planAcquisition(
  config: AcquisitionConfig,
  options: PlanOptions,
): Promise<AcquisitionPlan> {
  const id = randomUUID();
  let number: Promise<number> | undefined;
  const run = () => {
    number ??= options.runNumber();
    return number;
  };
  const at = new Date();
  const rules = completeFileRules(options.fileRules ?? [], options);
  const pipelines: Record<string, PipelinePlan> = {};
  const auxiliary: Record<string, WriterParameters> = {};
  const planOf = (section: Section, own: AcquisitionConfig, name: string) =>
    planWriter(section, own, { ...options, id, names: { run, at, detector: name } });
  const ofPipelines = options.pipelines.map((name) => {
    const own = applyFileRules(options.configOf(name), rules, name);
    return { name, own, section: own.writer ?? {} };
  });
  const ofAuxiliaries = options.auxiliaryWriters.map((name) => {
    // The pipelines' files are none of its business, only its own section's.
    const ownRules = rules.filter(({ section }) => section === name);
    const own = applyFileRules(config, ownRules, name);
    return { name, own, section: own[name] ?? {} };
  });
  // Disks are looked at beside each other: one look may take as long as a network allows.
  const writers = await Promise.all(
    [...ofPipelines, ...ofAuxiliaries].map(({ section, own, name }) => planOf(section, own, name)),
  );
  for (const [index, { name, own }] of ofPipelines.entries()) {
    const writer = writers[index];
    if (writer) pipelines[name] = { detector: own.detector ?? {}, backend: own.backend ?? {}, writer };
  }
  for (const [index, { name }] of ofAuxiliaries.entries()) {
    const writer = writers[ofPipelines.length + index];
    if (writer) auxiliary[name] = writer;
  }
  refuseSharedFiles([...Object.values(pipelines).map(({ writer }) => writer), ...Object.values(auxiliary)]);
  return { id, config, pipelines, auxiliary, stall: stallRule(Object.values(pipelines), options.stall) };
}

/** The slowest pipeline says how long a wait for the next frame is right. */
function stallRule(pipelines: readonly PipelinePlan[], settings: StallSettings): StallRule {
  const periodsS = pipelines.map(({ detector: { period, exptime } }) =>
    Math.max(typeof period === 'number' ? period : 0, typeof exptime === 'number' ? exptime : 0),
  );
  const isTriggered = pipelines.some(({ detector: { timing } }) => timing !== undefined && timing !== 'auto');
  const byPeriod = Math.max(SHORTEST_STALL_MS, STALL_PERIODS * 1000 * Math.max(0, ...periodsS));
  return {
    timeoutMs: Math.min(settings.timeoutMs ?? byPeriod, LONGEST_TIMER_MS),
    fails: settings.action === 'error',
    waitsForTrigger: settings.unseen === true || (settings.waitForTrigger && isTriggered),
  };
}

/** Two writers of one acquisition never get the same file, whatever the deployment's rules for names. */
function refuseSharedFiles(writers: readonly WriterParameters[]): void {
  const files = writers.map(({ outputFile }) => outputFile).filter((file) => file !== '' && file !== NO_FILE);
  const shared = files.find((file, index) => files.indexOf(file) !== index);
  if (shared === undefined) return;
  throw new InvalidRequestError('invalid_config', `Two writers would write the same file, ${shared}.`, {
    component: 'controller',
    operation: 'plan the acquisition',
    expected: 'a file for each writer',
    actual: shared,
    hint: 'Give them different output_file values, or names by pipeline with fileRules in deployment.yaml.',
  });
}

async function planWriter(
  section: Section,
  acquisition: AcquisitionConfig,
  options: PlanOptions & { id: string; names: NameFacts },
): Promise<WriterParameters> {
  const { output_file: outputFile, n_frames: frames, user_id: userId, ...extra } = section;
  const resolved =
    typeof outputFile === 'string'
      ? await resolveOutputFile(await fillFileName(outputFile, options.names), options)
      : '';
  if (
    options.existingFile === 'refuse' &&
    resolved !== NO_FILE &&
    resolved !== '' &&
    (await options.lookups.kind(resolved)) !== null
  ) {
    throw new WrongStateError('file_exists', `The output file ${resolved} exists already.`, {
      component: 'writer',
      operation: 'configure',
      expected: 'a name that is not taken',
      actual: resolved,
      hint: 'Choose another output_file; this deployment refuses to write to an existing file.',
    });
  }
  return {
    outputFile: resolved,
    frames: typeof frames === 'number' ? frames : 0,
    userId: typeof userId === 'number' ? userId : -1,
    existingFile: options.existingFile,
    extra,
    acquisition,
    acquisitionId: options.id,
  };
}
