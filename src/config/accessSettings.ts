import type { Static } from 'typebox';
import { Type } from '../contracts/schemaTypes.js';

/** What the holder of a token may do. */
const ACCESS_ROLES = ['observer', 'operator'] as const;

const closed = { additionalProperties: false };

const token = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9 ._@-]*$',
      maxLength: 64,
      description: 'Who has the token, for the log and the audit trail. Unique.',
    }),
    sha256: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: 'SHA-256 of the token in hexadecimal digits, as `dia token` prints it.',
    }),
    role: Type.Enum(ACCESS_ROLES, {
      description: '`observer` may read everything, `operator` may send commands as well.',
    }),
  },
  closed,
);

const tls = Type.Object(
  {
    cert: Type.String({
      minLength: 1,
      description: 'PEM file with the certificate and its chain, relative to this file.',
    }),
    key: Type.String({
      minLength: 1,
      description: 'PEM file with the private key, relative to this file.',
    }),
  },
  { ...closed, description: 'Serves https instead of http.' },
);

/** Schema of `access`: who may use the API. Nothing set: everybody who reaches the port. */
export const accessSchema = Type.Object(
  {
    tokens: Type.Array(token, {
      default: [],
      description: 'Who may use the API. With any token, every request needs one.',
    }),
    allow: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Addresses that may connect, each an address or a CIDR block such as `10.1.0.0/16` or `fd00::/8`. Empty: all.',
    }),
    tls: Type.Optional(tls),
    origins: Type.Array(Type.String({ pattern: '^https?://[^/\\s]+$' }), {
      default: [],
      description:
        'Web pages that may use the API from a browser, beside its own, for example `https://panel.example.org`.',
    }),
    commandsPerSecond: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10_000,
        description: 'Commands that one address may send in a second; more are answered with 429.',
      }),
    ),
  },
  { ...closed, default: {}, description: 'Who may use the API.' },
);

/** Who may use the API, every default filled in. */
export type AccessSettings = Static<typeof accessSchema>;

/** A token as the deployment knows it. */
export type TokenSettings = AccessSettings['tokens'][number];
