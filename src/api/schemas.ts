import type { Static, TSchema } from 'typebox';
import { INTEGRATION_STATUSES } from '../contracts/acquisition.js';
import { ERROR_CODES } from '../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../contracts/json.js';
import { Type } from '../contracts/schemaTypes.js';

/** The prefix of every status on the wire. */
export const STATUS_PREFIX = 'IntegrationStatus.';

/** An object whose values all follow one schema; unlike TypeBox's Record it holds for every key. */
function mapOf<T extends TSchema>(value: T, options: { description?: string } = {}) {
  return Type.Unsafe<Record<string, Static<T>>>({ type: 'object', additionalProperties: value, ...options });
}

const anyValue = Type.Unsafe<JsonValue>({ description: 'Any JSON value.' });
const anyObject = (description: string) => Type.Unsafe<JsonObject>({ type: 'object', description });

const section = Type.Unsafe<Section>({
  type: 'object',
  description: "One role's parameters, by the names of the deployment's config.schema.json.",
});
const sectionOrNull = Type.Unsafe<Section | null>({
  type: ['object', 'null'],
  description: "One role's parameters; null counts as not given.",
});
const config = mapOf(section, { description: 'The acquisition config: one section per role.' });

/** How far the frames are, in the names of the wire. */
export const progressSchema = Type.Object({
  written_frames: Type.Integer({ minimum: 0 }),
  received_frames: Type.Integer({ minimum: 0 }),
  lost_frames: Type.Integer({ minimum: 0 }),
  expected_frames: Type.Integer({ minimum: 0, description: '0 when it writes until stopped.' }),
  written_bytes: Type.Integer({ minimum: 0 }),
  frame_rate_hz: Type.Number({ minimum: 0 }),
});

const errorFactsSchema = Type.Object({
  code: Type.Unsafe<string>({ type: 'string', enum: [...ERROR_CODES], description: 'See docs/errors.md.' }),
  component: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  operation: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  expected: anyValue,
  actual: anyValue,
  hint: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'What to do next.' }),
});

const leaseSchema = Type.Object({
  owner: Type.String(),
  remaining_s: Type.Number({ minimum: 0, description: 'Seconds until it ends by itself.' }),
});
type Lease = Static<typeof leaseSchema>;

/** The envelope of an answer that is an error. */
export const errorEnvelopeSchema = Type.Object({
  state: Type.Literal('error'),
  status: Type.String({ description: 'What went wrong, for a person.' }),
  error: Type.Intersect([errorFactsSchema, Type.Object({ request_id: Type.String() })]),
});

/** The envelope of every other answer. */
export const envelopeSchema = Type.Object({
  state: Type.Literal('ok'),
  status: Type.Unsafe<string>({
    type: 'string',
    enum: INTEGRATION_STATUSES.map((status) => `${STATUS_PREFIX}${status}`),
  }),
});

/** What an answer adds to the envelope, by the name of the field. */
export const adds = {
  nothing: Type.Object({}),
  file: Type.Object({
    file: Type.Optional(Type.String({ description: 'The file that is really written.' })),
  }),
  status: Type.Object({
    details: Type.Optional(
      Type.String({ description: 'Why the status is ERROR, or that a running acquisition has stalled.' }),
    ),
    error: Type.Optional(errorFactsSchema),
    file: Type.Optional(Type.String({ description: 'The file of the present or last acquisition.' })),
    transition: Type.Optional(Type.String({ description: '`stopping` or `resetting` while under way.' })),
    progress: Type.Optional(progressSchema),
  }),
  statusDetails: Type.Object({ details: anyObject("Every component's own word, asked live.") }),
  config: Type.Object({ config }),
  value: Type.Object({ value: anyValue }),
  serverInfo: Type.Object({
    server_info: Type.Object(
      {
        clients: Type.Record(Type.String(), Type.String(), { description: 'Address of each component.' }),
        clients_enabled: Type.Record(Type.String(), Type.Boolean()),
        last_config_successful: Type.Boolean({ description: 'Whether the components took the last config.' }),
        validator: Type.String({ description: 'Schema of the acquisition config.' }),
        version: Type.String(),
        uptime_s: Type.Number(),
        deployment: Type.String(),
      },
      { description: 'Addresses, version, uptime, deployment.' },
    ),
  }),
  metrics: Type.Object({ metrics: anyObject("Every component's counters.") }),
  clientsEnabled: Type.Object({ clients_enabled: mapOf(Type.Boolean()) }),
  controlPanel: Type.Object({
    details: anyObject("Every component's own word, asked live."),
    clients_enabled: mapOf(Type.Boolean()),
    config,
    metrics: anyObject("Every component's counters."),
  }),
  backend: Type.Object({ value: Type.Optional(anyValue), config: Type.Optional(anyValue) }),
  clientConfiguration: Type.Object({ client_configuration: mapOf(anyValue) }),
  result: Type.Object({ result: anyValue }),
  lease: Type.Object({ lease: Type.Unsafe<Lease | null>({ anyOf: [leaseSchema, { type: 'null' }] }) }),
  leaseTaken: Type.Object({
    lease: Type.Intersect([
      leaseSchema,
      Type.Object({ id: Type.String({ description: 'Secret: for the header X-Dia-Lease of commands.' }) }),
    ]),
  }),
};

/** Request bodies, by what they ask for. */
export const bodies = {
  start: Type.Unsafe<{ trigger_start?: boolean } & Record<string, Section | null | boolean>>({
    type: 'object',
    description: 'Sections given here are merged into the last config and applied before the start.',
    properties: {
      trigger_start: {
        type: 'boolean',
        default: true,
        description: 'False: everything is armed, and the trigger is left to others.',
      },
    },
    additionalProperties: sectionOrNull,
  }),
  fullConfig: mapOf(sectionOrNull, { description: 'Every section of the deployment, and no other.' }),
  configUpdate: mapOf(sectionOrNull, { description: 'Any sections, any fields; merged field by field.' }),
  detectorValue: Type.Object(
    { name: Type.String({ minLength: 1 }), value: anyValue },
    { additionalProperties: false },
  ),
  enabledClients: mapOf(Type.Boolean(), { description: 'Components to enable or disable, by name.' }),
  backendSettings: Type.Unsafe<Section>({ type: 'object', description: 'Settings, for `config` only.' }),
  clientConfiguration: mapOf(mapOf(section), {
    description: 'By pipeline: the fields that differ there from the shared config.',
  }),
  lease: Type.Object(
    {
      owner: Type.String({
        minLength: 1,
        maxLength: 128,
        pattern: '^[^\\u0000-\\u001f\\u007f]*$',
        description: 'Who takes it, for people: it is shown to those who are refused.',
      }),
      seconds: Type.Number({ minimum: 1, maximum: 86_400, description: 'How long it lasts unless renewed.' }),
    },
    { additionalProperties: false },
  ),
  anything: anyValue,
  none: Type.Unsafe<Record<string, never> | null>({
    type: ['object', 'null'],
    additionalProperties: false,
  }),
};

export type Envelope = Static<typeof envelopeSchema>;
export type StatusAnswer = Envelope & Static<typeof adds.status>;
export type WireProgress = Static<typeof progressSchema>;
/** The answer of a route: the envelope and what the named entry of {@link adds} puts into it. */
export type Answer<K extends keyof typeof adds> = Envelope & Static<(typeof adds)[K]>;
