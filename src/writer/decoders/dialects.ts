import { Array10Decoder } from './array10.js';
import type { Decoder } from './decoder.js';
import { SimplonV1Decoder } from './simplonV1.js';
import { SimplonV2Decoder } from './simplonV2.js';
import { SlsReceiverDecoder } from './slsReceiver.js';

/** What a decoder has to know. */
export interface DecoderOptions {
  /** Number of the stream's addresses. */
  readonly streams: number;
  /** Whether compressed images are handed on as they came, where the file can hold them. */
  readonly keepsCompressed: boolean;
}

interface Kind {
  /** Whether senders wait for us (`pull`), or drop what nobody has subscribed to. */
  readonly pattern: 'pull' | 'subscribe';
  readonly mayBeCompressed?: true;
  readonly createDecoder: (options: DecoderOptions) => Decoder;
}

/** The kinds of frame streams that can be written, and who reads them. */
const KINDS = {
  'array-1.0': { pattern: 'pull', createDecoder: () => new Array10Decoder() },
  'simplon-v1': {
    pattern: 'pull',
    mayBeCompressed: true,
    createDecoder: (options) => new SimplonV1Decoder(options),
  },
  'simplon-v2': {
    pattern: 'pull',
    mayBeCompressed: true,
    createDecoder: (options) => new SimplonV2Decoder(options),
  },
  sls: { pattern: 'subscribe', createDecoder: ({ streams }) => new SlsReceiverDecoder(streams) },
} as const satisfies Record<string, Kind>;

/** The name of a kind of frame stream. */
export type Dialect = keyof typeof KINDS;

/** The names of all kinds of frame streams. */
export const DIALECTS = Object.keys(KINDS) as readonly Dialect[];

/** Makes the decoder for one acquisition. Unless told otherwise: of one stream, pixels plain. */
export function createDecoder(dialect: Dialect, options: Partial<DecoderOptions> = {}): Decoder {
  return KINDS[dialect].createDecoder({ streams: 1, keepsCompressed: false, ...options });
}

/** How the streams of this kind are sent. */
export function patternOf(dialect: Dialect): Kind['pattern'] {
  return KINDS[dialect].pattern;
}

/** Whether images of this kind can come compressed. */
export function mayBeCompressed(dialect: Dialect): boolean {
  return 'mayBeCompressed' in KINDS[dialect];
}
