import type { Static } from 'typebox';
import type { JsonObject } from '../contracts/json.js';
import { Type } from '../contracts/schemaTypes.js';
import { EXISTING_FILE_RULES } from '../contracts/writer.js';
import { accessSchema } from './accessSettings.js';
import { httpSchema } from './httpSettings.js';

/** Programs of this project that a deployment can have started with it. */
export const SERVICE_PROGRAMS = ['simulated-detector', 'simulated-backend', 'writer'] as const;

/** The log levels, from few lines to many. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

const closed = { additionalProperties: false };
const closedWithDefaults = { additionalProperties: false, default: {} };

/** Names that end up in URLs, log lines and file names. */
export const NAME_PATTERN = '^[A-Za-z][A-Za-z0-9_-]*$';

/** Path of an extra route: segments without parameters. */
export const ROUTE_PATTERN = '^(/[a-z][a-z0-9_-]*)+$';

const name = (description: string) => Type.String({ description, pattern: NAME_PATTERN, maxLength: 64 });

const options = Type.Unsafe<JsonObject>({
  type: 'object',
  default: {},
  description: `What this kind of adapter needs, for example its address. May contain \`\${services.<name>.<endpoint>}\`.`,
});

const entryOptions = Type.Unsafe<JsonObject>({
  type: 'object',
  default: {},
  description: `As the options of a pipeline. May contain \`\${entry.<key>}\` and \`\${entry.name}\` as well.`,
});

const component = (role: string, optionsOfKind = options) =>
  Type.Object(
    {
      kind: Type.String({ minLength: 1, description: `Which adapter speaks to the ${role}.` }),
      options: optionsOfKind,
      enabled: Type.Boolean({
        default: true,
        description: `Whether the ${role} takes part after the start. Clients can change it later.`,
      }),
    },
    { ...closed, description: `The ${role} of this pipeline.` },
  );

/** A bounded number of milliseconds; the longest is a day, so that it fits a timer. */
const milliseconds = (defaultMs: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 86_400_000, default: defaultMs, description });

const log = Type.Object(
  {
    level: Type.Enum(LOG_LEVELS, {
      default: 'info',
      description: 'Least important lines that are logged: error, warn, info or debug.',
    }),
  },
  { ...closedWithDefaults, description: 'Logging.' },
);

const paths = Type.Object(
  {
    data: Type.String({
      minLength: 1,
      default: './data',
      description: 'Folder for relative output files. A relative one lies in the working directory.',
    }),
    roots: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: `More absolute folders in which output files are allowed. \`tmp\` or \`\${tmpdir}\` is the temporary folder of the system.`,
    }),
    state: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Folder for logs, journal and run files. Without it `.dia` in the data folder.',
      }),
    ),
  },
  { ...closedWithDefaults, description: 'Folders.' },
);

const SOME_COMPONENTS =
  'Other `callTimeoutMs`, `statusTimeoutMs` and `lostAfterMs` for the components of a role: `detector`, `backend`, `writer`, `auxiliary` or `trigger`.';

const componentLimit = Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400_000 }));

const limits = Type.Object(
  {
    callTimeoutMs: milliseconds(20_000, 'Longest time for one call to a component.'),
    statusTimeoutMs: milliseconds(1_000, 'Longest time for one question for a status.'),
    configureTimeoutMs: milliseconds(60_000, 'Longest time for configuring all components.'),
    startTimeoutMs: milliseconds(60_000, 'Longest time for starting all components.'),
    stopTimeoutMs: milliseconds(30_000, 'Longest time for stopping or resetting all components.'),
    settleTimeoutMs: milliseconds(
      5_000,
      'Longest time for the components to agree with a new state after they were told.',
    ),
    lookupTimeoutMs: milliseconds(
      5_000,
      'Longest time for looking at the paths and the free space of output files, for each command.',
    ),
    verifyTimeoutMs: milliseconds(30_000, 'Longest time for opening and counting the files of a run.'),
    lostAfterMs: milliseconds(
      5_000,
      'A component that does not answer for so long while an acquisition runs is lost, and the acquisition fails.',
    ),
    drainTimeoutMs: milliseconds(
      5_000,
      'After the detector stopped: when no frame comes for so long, the run ends as `frames_missing`.',
    ),
    auxiliaryTimeoutMs: milliseconds(
      60_000,
      'How long auxiliary writers may go on after all other writers are done.',
    ),
    pollRunningMs: milliseconds(20, 'Time between two looks at a component while an acquisition runs.'),
    pollIdleMs: milliseconds(1_000, 'Time between two looks at a component otherwise.'),
    roles: Type.Record(
      Type.String({ pattern: '^(detector|backend|writer|auxiliary|trigger)$' }),
      Type.Object(
        { callTimeoutMs: componentLimit, statusTimeoutMs: componentLimit, lostAfterMs: componentLimit },
        closed,
      ),
      { ...closedWithDefaults, description: SOME_COMPONENTS },
    ),
    minimumFreeBytes: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 104_857_600,
      description:
        'Space that has to remain free beside the frames of an acquisition, where a pipeline has an `image`.',
    }),
  },
  { ...closedWithDefaults, description: 'Timeouts and polling in milliseconds, and free space.' },
);

const stall = Type.Object(
  {
    timeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2_147_483_647,
        description:
          'Without a new frame for so long, an acquisition has stalled. Without it ten exposure periods, at least 5 s.',
      }),
    ),
    action: Type.Enum(['report', 'error'], {
      default: 'report',
      description: '`report`: a stalled acquisition is reported and goes on. `error`: it is ended in ERROR.',
    }),
    waitForTrigger: Type.Boolean({
      default: true,
      description: 'Whether an acquisition with an external trigger may wait for its first frame for ever.',
    }),
  },
  { ...closedWithDefaults, description: 'Acquisitions in which no frame comes any more.' },
);

const WITH_IMAGE = 'With `image`, configs are refused whose frames do not fit on the disk.';

const image = Type.Optional(
  Type.Object(
    {
      rows: Type.Integer({ minimum: 1, maximum: 1_000_000, description: `Rows of an image. ${WITH_IMAGE}` }),
      columns: Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: `Columns of an image. ${WITH_IMAGE}`,
      }),
    },
    { ...closed, description: `Size of the images. ${WITH_IMAGE}` },
  ),
);

const pipeline = Type.Object(
  {
    name: name('Name of the pipeline in answers, logs and overlays. Unique.'),
    image,
    detector: component('detector'),
    backend: component('backend'),
    writer: component('writer'),
  },
  closed,
);

const auxiliaryWriter = Type.Object(
  {
    name: name(
      'Name of the writer, and of its section in the acquisition config, for example `bsread`. Unique.',
    ),
    kind: Type.String({ minLength: 1, description: 'Which adapter speaks to the writer.' }),
    options,
    enabled: Type.Boolean({
      default: true,
      description: 'Whether the writer takes part after the start. Clients can change it later.',
    }),
  },
  closed,
);

const trigger = Type.Object(
  {
    kind: Type.String({
      minLength: 1,
      default: 'none',
      description: 'Which adapter speaks to the timing system. `none`: there is none.',
    }),
    options,
  },
  { ...closedWithDefaults, description: 'The timing system that fires the exposures.' },
);

const pipelinesFrom = Type.Object(
  {
    file: Type.String({
      minLength: 1,
      description: 'JSON file with an entry for each pipeline, relative to this file.',
    }),
    image,
    detector: component('detector', entryOptions),
    backend: component('backend', entryOptions),
    writer: component('writer', entryOptions),
  },
  {
    ...closed,
    description: 'Instead of `pipelines`: a pipeline for each entry of a file, all made alike.',
  },
);

const fileRule = Type.Object(
  {
    section: Type.String({ minLength: 1, description: 'Section of the config, for example `writer`.' }),
    field: Type.String({
      minLength: 1,
      description:
        'Field with a path, for example `output_file`. Empty texts and `/dev/null` stay as they are.',
    }),
    append: Type.String({
      minLength: 1,
      description: `What is added to the path. \`\${pipeline}\` is the name of the pipeline, or of the auxiliary writer.`,
    }),
    before: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Ending of the path before which it is added, for example `.h5`. Without it behind the path.',
      }),
    ),
  },
  closed,
);

const route = Type.Object(
  {
    path: Type.String({
      pattern: ROUTE_PATTERN,
      maxLength: 64,
      description: 'Path of the POST route below `/api/v1`, for example `/threshold`. Unique.',
    }),
    field: name('Field of the body that has the value, for example `energy`.'),
    parameter: Type.String({
      minLength: 1,
      description: 'Parameter of the detector that is set to it, for example `threshold`.',
    }),
    unit: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Unit of the value, for people. A value with a unit has to be a number.',
      }),
    ),
    description: Type.String({ default: '', description: 'One line for the OpenAPI document.' }),
  },
  closed,
);

const service = Type.Object(
  {
    name: name(`Name by which \`\${services.<name>.<endpoint>}\` refers to the service. Unique.`),
    program: Type.Optional(
      Type.Enum(SERVICE_PROGRAMS, {
        description: 'A program of this project: simulated-detector, simulated-backend or writer.',
      }),
    ),
    command: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'Instead of `program`: any executable and its first arguments.',
      }),
    ),
    args: Type.Array(Type.String(), {
      default: [],
      description: `Arguments. May contain \`\${services.<name>.<endpoint>}\`: that service is then started first.`,
    }),
    lingerMs: Type.Integer({
      minimum: 0,
      maximum: 86_400_000,
      default: 60_000,
      description:
        'How long the service stays alive without a controller, so that a restarted one takes it over.',
    }),
  },
  closed,
);

/**
 * Schema of `deployment.yaml`. The only place where its defaults stand; docs/deployments.md has a row for
 * every key.
 */
export const DeploymentSchema = Type.Object(
  {
    name: name('Name of the deployment, as `/info` reports it.'),
    description: Type.String({ default: '', description: 'One line for people.' }),
    vocabulary: Type.Enum(['classic', 'ready'], {
      default: 'classic',
      description:
        'Status names on the wire: `classic` (INITIALIZED, CONFIGURED, …) or `ready` (READY, RUNNING, …).',
    }),
    schema: Type.String({
      minLength: 1,
      default: 'config.schema.json',
      description: 'Schema of the acquisition config, relative to this file.',
    }),
    http: httpSchema,
    access: accessSchema,
    log,
    paths,
    existingFile: Type.Enum(EXISTING_FILE_RULES, {
      default: 'number',
      description:
        'When the output file exists: `number` takes the next free `name_001.h5`, `refuse` is an error, `overwrite` replaces it.',
    }),
    allowDevNull: Type.Boolean({
      default: false,
      description: 'Whether `output_file` may be `/dev/null`: nothing is kept then.',
    }),
    fileRules: Type.Array(fileRule, {
      default: [],
      description:
        'What each pipeline adds to paths of the config. With several pipelines and no rule for the `output_file` of `writer`, `.<pipeline>` is put before `.h5`.',
    }),
    resetWhileRunning: Type.Boolean({
      default: true,
      description: 'Whether `reset` is accepted while frames are taken or written. `kill` always is.',
    }),
    onTerminate: Type.Enum(['stop', 'leave'], {
      default: 'stop',
      description:
        'What SIGTERM does to `dia serve`: `stop` ends the acquisition and the services, `leave` leaves both to the controller that is started next.',
    }),
    routes: Type.Array(route, {
      default: [],
      description: 'POST routes beside those of every deployment; each sets one parameter of the detector.',
    }),
    pipelines: Type.Optional(
      Type.Array(pipeline, {
        minItems: 1,
        description:
          'The pipelines: a detector, a backend and a writer each. Either this or `pipelinesFrom` is needed.',
      }),
    ),
    pipelinesFrom: Type.Optional(pipelinesFrom),
    auxiliaryWriters: Type.Array(auxiliaryWriter, {
      default: [],
      description: 'Writers beside the pipelines, for data that does not come from a detector.',
    }),
    trigger,
    limits,
    stall,
    services: Type.Array(service, {
      default: [],
      description: 'Programs started and supervised with this deployment.',
    }),
  },
  closed,
);

/** A deployment as it is written, with every default filled in. */
export type WrittenDeployment = Static<typeof DeploymentSchema>;

/** A detector, a backend and a writer that work together. */
export type PipelineSettings = Static<typeof pipeline>;

/** How pipelines are made from the entries of a file. */
export type PipelinesFrom = Static<typeof pipelinesFrom>;

/** A deployment with every default filled in and its pipelines listed. */
export type Deployment = Omit<WrittenDeployment, 'pipelines' | 'pipelinesFrom'> & {
  pipelines: PipelineSettings[];
};

/** A program that is started and supervised with the deployment. */
export type ServiceSettings = Deployment['services'][number];
