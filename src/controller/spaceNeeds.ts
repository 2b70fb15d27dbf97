import { NO_FILE } from '../config/fileRules.js';
import type { AcquisitionPlan, PipelinePlan } from '../contracts/acquisition.js';
import type { JsonValue } from '../contracts/json.js';
import type { SpaceNeed } from '../files/freeSpace.js';
import type { Components } from './components.js';
import { pixelBytes } from './pixelBytes.js';

/** Rows and columns of a pipeline's frames. */
export interface ImageShape {
  readonly rows: number;
  readonly columns: number;
}

/**
 * What the files of a plan are going to need, as far as that is known: the files of enabled writers whose pipelines'
 * deployment says how large an image is.
 *
 * @param images - By pipeline name.
 */
export function spaceNeeds(
  plan: AcquisitionPlan,
  images: Readonly<Record<string, ImageShape>>,
  components: Components,
): SpaceNeed[] {
  return components.pipelines.flatMap(({ name, writer }): SpaceNeed[] => {
    const image = images[name];
    const own = plan.pipelines[name];
    if (image === undefined || own === undefined || !writer.enabled) return [];
    const { outputFile: file, frames } = own.writer;
    if (file === '' || file === NO_FILE) return [];
    const frameBytes = image.rows * image.columns * pixelBytes(bitDepth(own));
    return [{ component: writer.name, file, frames, frameBytes }];
  });
}

/** Bits of a pixel as the detector has them; 0 when the config does not tell. */
function bitDepth({ backend, detector }: PipelinePlan): number {
  return [backend.bit_depth, detector.dr].find(isNumber) ?? 0;
}

const isNumber = (value: JsonValue | undefined): value is number => typeof value === 'number';
