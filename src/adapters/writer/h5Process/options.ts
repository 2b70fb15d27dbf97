import type { Static } from 'typebox';
import { Type } from '../../../contracts/schemaTypes.js';

/** Options of the writer kind `h5-process`. */
export const h5ProcessOptions = Type.Object(
  {
    command: Type.String({
      description:
        "Absolute path of the writer's executable or start script, or `dia-writer` for this project's own program.",
      pattern: '^(dia-writer|/.+)$',
    }),
    streamAddress: Type.String({
      description: 'ZeroMQ endpoint of the frames, `tcp://host:port`: the first argument of the writer.',
      pattern: '^(tcp|ipc)://.+$',
    }),
    logFolder: Type.String({
      description:
        'Folder for a log file per run, and for the note by which a restarted controller finds the writer again.',
      minLength: 1,
    }),
    restPort: Type.Integer({
      description: 'Port on 127.0.0.1 on which the writer answers. 0: a free one for each run.',
      minimum: 0,
      maximum: 65535,
      default: 0,
    }),
    extraArguments: Type.Array(Type.String({ minLength: 1 }), {
      description: 'Arguments after the five common ones, for example broker url, number of modules, name.',
      default: [],
    }),
    format: Type.Optional(
      Type.Enum(['nexus', 'csaxs', 'swissfel'], {
        description:
          'Layout of the files of `dia-writer`, by default nexus. Another `command` has a layout of its own and is not told.',
      }),
    ),
    compression: Type.Optional(
      Type.Enum(['none', 'bslz4'], {
        description:
          'What `dia-writer` makes of frames that come plain: `none` stores them as they are, the default; `bslz4` compresses them with bitshuffle and LZ4. Another `command` is not told.',
      }),
    ),
    parameters: Type.Array(Type.String({ minLength: 1 }), {
      description:
        "Names that the writer's format declares. Of the writer section only these are sent to it: an unknown one costs the C++ writer the acquisition.",
      default: [],
    }),
    userId: Type.Enum(['argument', 'real', 'none'], {
      description:
        "How the writer section's `user_id` is handed over: `argument` leaves it to the writer, `real` starts the writer under that user and group (needs root), `none` always passes -1.",
      default: 'argument',
    }),
    readyTimeoutMs: Type.Integer({
      description: 'Longest time from the start of the process to its first answer.',
      minimum: 1,
      maximum: 600_000,
      default: 5_000,
    }),
    stopTimeoutMs: Type.Integer({
      description: 'Longest time from the request to stop to the end of the process; then it gets SIGTERM.',
      minimum: 1,
      maximum: 600_000,
      default: 5_000,
    }),
  },
  { additionalProperties: false },
);

/** Checked options of the writer kind `h5-process`. */
export type H5ProcessOptions = Static<typeof h5ProcessOptions>;
