import { Array10Decoder } from './array10.js';
import type { Decoder } from './decoder.js';
import { SimplonV1Decoder } from './simplonV1.js';
import { SimplonV2Decoder } from './simplonV2.js';

/** The kinds of frame streams that can be written, and who reads them. */
const DECODERS = {
  'array-1.0': () => new Array10Decoder(),
  'simplon-v1': () => new SimplonV1Decoder(),
  'simplon-v2': () => new SimplonV2Decoder(),
} as const satisfies Record<string, () => Decoder>;

/** The name of a kind of frame stream. */
export type Dialect = keyof typeof DECODERS;

/** The names of all kinds of frame streams. */
export const DIALECTS = Object.keys(DECODERS) as readonly Dialect[];

/** Makes the decoder for one acquisition. */
export function createDecoder(dialect: Dialect): Decoder {
  return DECODERS[dialect]();
}
