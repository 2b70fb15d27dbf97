import { NO_FILE } from '../config/fileRules.js';
import type { AcquisitionPlan, PipelinePlan } from '../contracts/acquisition.js';
import type { JsonValue } from '../contracts/json.js';
import type { SpaceNeed } from '../files/freeSpace.js';
import type { Components } from './components.js';

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
    return [
      { component: writer.name, file, frames, frameBytes: image.rows * image.columns * pixelBytes(own) },
    ];
  });
}

/** Bytes of a pixel on disk; 0 when the config does not tell. */
function pixelBytes({ backend, detector }: PipelinePlan): number {
  const bits = [backend.bit_depth, detector.dr].find(isNumber) ?? 0;
  // Files know pixels of 1, 2 and 4 bytes: 4 bit take a byte, 12 bit take two.
  return [1, 2, 4].find((bytes) => bits > 0 && bits <= bytes * 8) ?? 0;
}

const isNumber = (value: JsonValue | undefined): value is number => typeof value === 'number';
