import { Type } from '../../../contracts/schemaTypes.js';

/** How the command line programs of slsDetectorPackage are reached; shared by the detector and its receivers. */
export const slsProgramOptions = {
  commandFolder: Type.Optional(
    Type.String({
      description:
        'Folder of `sls_detector_put` and `sls_detector_get`, absolute. Without it they are looked for in PATH.',
      pattern: '^/',
    }),
  ),
  packageVersion: Type.String({
    description:
      'Version of slsDetectorPackage, for example `9.2.0`: some commands had other names before 5.0.',
    pattern: '^\\d+(\\.\\d+){0,2}$',
    default: '9',
  }),
  detectorIndex: Type.Integer({
    description: 'Index of the detector among those configured for this account.',
    minimum: 0,
    maximum: 63,
    default: 0,
  }),
  moduleIndex: Type.Optional(
    Type.Integer({ description: 'Only this module; without it all modules together.', minimum: 0 }),
  ),
  sharedMemoryName: Type.Optional(
    Type.String({
      description: 'Value of `SLSDETNAME`, which keeps the detectors of several users of a machine apart.',
      pattern: '^[A-Za-z0-9_]{1,32}$',
    }),
  ),
};

const kind = Type.Enum(['integer', 'seconds', 'word']);

/** Options of the detector kind `sls`. */
export const slsDetectorOptions = Type.Object(
  {
    ...slsProgramOptions,
    receiver: Type.Enum(['none', 'detector', 'backend'], {
      description:
        'Who starts and stops the receivers: `none`, there are none or others do; `detector`, this adapter together with the detector; `backend`, the backend kind `sls-receiver`. With the last two no parameter is sent to a receiver that runs.',
      default: 'none',
    }),
    bitDepths: Type.Array(Type.Integer({ minimum: 1, maximum: 64 }), {
      description: 'Values of `dr` that this detector has.',
      minItems: 1,
      default: [4, 8, 16, 32],
    }),
    extraParameters: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{1,31}$' }), kind, {
      description:
        'More commands that clients may read and write, with the kind of their value: integer, seconds or word.',
      default: {},
    }),
    fixedParameters: Type.Record(
      Type.String({ pattern: '^[a-z][a-z0-9_]{1,31}$' }),
      Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9_.]{0,63}$' }),
      {
        description:
          'Commands with the value that the detector always has to have, for example `powerchip: "1"`. Looked at before each configure, and written where it differs.',
        default: {},
      },
    ),
    tolerance: Type.Number({
      description: 'How far a time read back may be off, as a part of it, before it is an error.',
      minimum: 0,
      maximum: 1,
      default: 0.00002,
    }),
    toleranceS: Type.Number({
      description: "Seconds it may be off besides: the detector's clock ticks.",
      minimum: 0,
      default: 2e-7,
    }),
  },
  { additionalProperties: false },
);
