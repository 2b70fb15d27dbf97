import { Type } from '../contracts/schemaTypes.js';

/** The REST server of a deployment. */
export const httpSchema = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address to listen on. `0.0.0.0` listens on all networks.',
    }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 10000,
      description: 'Port to listen on. 0 takes a free one.',
    }),
    legacyStatusCodes: Type.Boolean({
      default: false,
      description: 'Answers errors with HTTP 200, as the original server did.',
    }),
    bodyLimitBytes: Type.Integer({
      minimum: 1024,
      maximum: 1_073_741_824,
      default: 1_048_576,
      description: 'Longest request body in bytes. A longer one is answered with 413.',
    }),
    eventStreams: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'How many clients can follow `/api/v1/events` at a time. One more is answered with 503.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'The REST server.' },
);
