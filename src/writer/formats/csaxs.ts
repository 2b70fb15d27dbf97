import type { JsonValue } from '../../contracts/json.js';
import { ensureGroup } from './entry.js';
import type { Layout, ParameterValue } from './format.js';

const GROUP = '/detector';
const PARAMETER_NAME = /^[A-Za-z_][\w.-]{0,63}$/;

/**
 * The cSAXS beamline's: the frames lie in `/detector`, the images as `images`. What else the writer section of the config
 * says, numbers, texts and truth values of the beamline, becomes `/entry/collection/<name>`.
 */
export const csaxs: Layout = {
  name: 'csaxs',
  parameters: {
    expected: 'numbers, texts and truth values under plain names',
    accepts: (name: string, value: JsonValue): value is ParameterValue =>
      PARAMETER_NAME.test(name) && ['string', 'number', 'boolean'].includes(typeof value),
    pathOf: (name) => `/entry/collection/${name}`,
  },
  place: () => ({ group: GROUP, images: 'images', numbers: 'frame_number' }),
  describe: (root) => {
    ensureGroup(root, GROUP, 'NXdetector');
    ensureGroup(root, '/entry/collection', 'NXcollection');
  },
  defaults: () => ({}),
};
