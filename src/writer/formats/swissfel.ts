import { ensureGroup, putValue } from './entry.js';
import type { AcquisitionDescription, Layout } from './format.js';
import { generalParameters } from './generalParameters.js';

const group = ({ detector }: AcquisitionDescription) => `/data/${detector.name}`;

/**
 * SwissFEL's: the frames lie in `/data/<detector>`, the images as `data`, their numbers as `frame`, and beside them
 * what the backend says of each frame and of each of its modules under its own names (`pulse_id`, `is_good_frame`,
 * `daq_recs`, …). `/general` tells who took them.
 *
 * Source: PSI's writer, SfFormat (github.com/paulscherrerinstitute/lib_cpp_h5_writer).
 */
export const swissfel: Layout = {
  name: 'swissfel',
  parameters: generalParameters,
  place: (description) => ({ group: group(description), images: 'data', numbers: 'frame' }),
  describe: (root, description) => {
    ensureGroup(root, group(description), 'NXdetector');
    const { name, badModules } = description.detector;
    putValue(root, '/general/detector_name', name);
    if (badModules !== null) putValue(root, '/general/n_bad_modules', badModules);
  },
  // Readers count on all four.
  defaults: ({ startedAt }) => ({
    'general/created': startedAt.toISOString(),
    'general/user': '',
    'general/process': 'dia',
    'general/instrument': '',
  }),
};
