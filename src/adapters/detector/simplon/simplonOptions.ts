import type { Static } from 'typebox';
import { Type } from '../../../contracts/schemaTypes.js';

/** SIMPLON keys that an acquisition config may set beside those it has its own names for. */
const MORE_PARAMETERS = [
  'auto_summation',
  'beam_center_x',
  'beam_center_y',
  'compression',
  'counting_mode',
  'countrate_correction_applied',
  'detector_distance',
  'element',
  'flatfield_correction_applied',
  'incident_energy',
  'nexpi',
  'omega_increment',
  'omega_start',
  'photon_energy',
  'pixel_mask_applied',
  'roi_mode',
  'threshold_energy',
  'threshold/1/energy',
  'threshold/1/mode',
  'threshold/2/energy',
  'threshold/2/mode',
  'threshold/difference/mode',
  'trigger_start_delay',
  'virtual_pixel_correction_applied',
];

/** Options of the detector kind `simplon`. */
export const simplonOptions = Type.Object(
  {
    url: Type.String({
      description: "Where the detector's control unit serves SIMPLON: `http://host[:port]`.",
      pattern: '^https?://.+$',
    }),
    apiVersion: Type.Optional(
      Type.String({
        description:
          'Version in the paths of the API. Without it the control unit is asked, then 1.8.0 and 1.6.0 are tried.',
        pattern: '^\\d+\\.\\d+\\.\\d+$',
      }),
    ),
    consumer: Type.Union([Type.Literal('stream'), Type.Literal('filewriter'), Type.Literal('none')], {
      description:
        'Who takes the images: `stream` or `filewriter` is enabled before arming; with `none` neither is touched.',
      default: 'stream',
    }),
    streamFormat: Type.Union([Type.Literal('legacy'), Type.Literal('cbor')], {
      description: 'Format of the stream: `legacy` is version 1 (port 9999), `cbor` version 2 (port 31001).',
      default: 'cbor',
    }),
    headerDetail: Type.Union([Type.Literal('none'), Type.Literal('basic'), Type.Literal('all')], {
      description:
        'How much the start message of the stream tells; `all` sends the flat field and the pixel mask.',
      default: 'basic',
    }),
    armAt: Type.Union([Type.Literal('configure'), Type.Literal('start')], {
      description:
        'When the detector is armed. Arming takes up to 2 minutes; with `configure` the start is quick, but the images need a consumer that is there by then.',
      default: 'start',
    }),
    stopBy: Type.Union([Type.Literal('cancel'), Type.Literal('abort')], {
      description: 'How a run is ended: `cancel` after the present image, `abort` at once.',
      default: 'cancel',
    }),
    endBy: Type.Union([Type.Literal('state'), Type.Literal('monitor')], {
      description:
        'What ends a run with an external trigger: the state of the detector, or the image number of the monitor. A run with an external gate never goes idle by itself: it needs `monitor`.',
      default: 'state',
    }),
    gatingMode: Type.Union([Type.Literal('exte'), Type.Literal('extg')], {
      description: 'Trigger mode for the timing `gating`; new firmware has `extg`.',
      default: 'exte',
    }),
    initializeTimeoutMs: Type.Integer({
      description: 'Longest time for initialising a detector that was switched on or restarted.',
      default: 240_000,
      minimum: 1,
    }),
    parameters: Type.Array(Type.String({ pattern: '^[a-z0-9_/]+$' }), {
      description: 'More SIMPLON keys that an acquisition config may set.',
      default: MORE_PARAMETERS,
    }),
  },
  { additionalProperties: false },
);

/** Options of the detector kind `simplon`, checked and with their defaults. */
export type SimplonOptions = Static<typeof simplonOptions>;
