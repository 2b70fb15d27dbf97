import { Array10Decoder } from './array10.js';
import type { Decoder } from './decoder.js';
import { SimplonV1Decoder } from './simplonV1.js';
import { SimplonV2Decoder } from './simplonV2.js';
import { SlsReceiverDecoder } from './slsReceiver.js';

interface Kind {
  /** Whether senders wait for us (`pull`), or drop what nobody has subscribed to. */
  readonly pattern: 'pull' | 'subscribe';
  readonly createDecoder: (streams: number) => Decoder;
}

/** The kinds of frame streams that can be written, and who reads them. */
const KINDS = {
  'array-1.0': { pattern: 'pull', createDecoder: () => new Array10Decoder() },
  'simplon-v1': { pattern: 'pull', createDecoder: () => new SimplonV1Decoder() },
  'simplon-v2': { pattern: 'pull', createDecoder: () => new SimplonV2Decoder() },
  sls: { pattern: 'subscribe', createDecoder: (streams) => new SlsReceiverDecoder(streams) },
} as const satisfies Record<string, Kind>;

/** The name of a kind of frame stream. */
export type Dialect = keyof typeof KINDS;

/** The names of all kinds of frame streams. */
export const DIALECTS = Object.keys(KINDS) as readonly Dialect[];

/** Makes the decoder for one acquisition; `streams` is the number of addresses. */
export function createDecoder(dialect: Dialect, streams = 1): Decoder {
  return KINDS[dialect].createDecoder(streams);
}

/** How the streams of this kind are sent. */
export function patternOf(dialect: Dialect): Kind['pattern'] {
  return KINDS[dialect].pattern;
}
