import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import { applyOverlay } from '../config/mergeConfig.js';
import type { AcquisitionPlan, PipelinePlan } from '../contracts/acquisition.js';
import { WrongStateError } from '../contracts/errors.js';
import type { AcquisitionConfig, Section } from '../contracts/json.js';
import type { ExistingFile, WriterParameters } from '../contracts/writer.js';
import { resolveOutputFile } from '../files/dataRoots.js';

export interface PlanOptions {
  readonly pipelines: readonly string[];
  readonly auxiliaryWriters: readonly string[];
  /** What each pipeline's config differs in, by pipeline name. */
  readonly overlays: Readonly<Record<string, Record<string, Section>>>;
  readonly dataFolder: string;
  readonly roots: readonly string[];
  readonly existingFile: ExistingFile;
}

/**
 * Works out what every component is to be told, before any of them hears of it. Paths are resolved inside the
 * data roots here and nowhere later.
 */
export async function planAcquisition(
  config: AcquisitionConfig,
  options: PlanOptions,
): Promise<AcquisitionPlan> {
  const id = randomUUID();
  const pipelines: Record<string, PipelinePlan> = {};
  for (const name of options.pipelines) {
    const own = applyOverlay(config, options.overlays[name] ?? {});
    pipelines[name] = {
      detector: own.detector ?? {},
      backend: own.backend ?? {},
      writer: await planWriter(own.writer ?? {}, own, { ...options, id }),
    };
  }
  const auxiliary: Record<string, WriterParameters> = {};
  for (const name of options.auxiliaryWriters) {
    auxiliary[name] = await planWriter(config[name] ?? {}, config, { ...options, id });
  }
  return { id, config, pipelines, auxiliary };
}

async function planWriter(
  section: Section,
  acquisition: AcquisitionConfig,
  options: PlanOptions & { id: string },
): Promise<WriterParameters> {
  const { output_file: outputFile, n_frames: frames, user_id: userId, ...extra } = section;
  const resolved =
    typeof outputFile === 'string'
      ? await resolveOutputFile(outputFile, { dataFolder: options.dataFolder, roots: options.roots })
      : '';
  if (options.existingFile === 'refuse' && (await exists(resolved))) {
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

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );
