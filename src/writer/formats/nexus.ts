import { DETECTOR } from './entry.js';
import type { Layout } from './format.js';
import { generalParameters } from './generalParameters.js';

/**
 * NeXus: the frames lie in `/entry/instrument/detector` (NXdetector), the images as `data`.
 *
 * Source: manual.nexusformat.org, NXentry, NXdetector and NXdata.
 */
export const nexus: Layout = {
  name: 'nexus',
  parameters: generalParameters,
  place: () => ({ group: DETECTOR, images: 'data', numbers: 'frame_number' }),
  // All of it is part of every file.
  describe: () => undefined,
  defaults: () => ({}),
};
