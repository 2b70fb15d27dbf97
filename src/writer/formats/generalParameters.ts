import type { JsonValue } from '../../contracts/json.js';
import type { ParameterRule } from './format.js';

const NAMES: readonly string[] = ['general/created', 'general/user', 'general/process', 'general/instrument'];

/** The four texts that PSI's writers ask for; they become datasets of these paths. */
export const generalParameters: ParameterRule = {
  expected: `texts for ${NAMES.join(', ')}`,
  accepts: (name: string, value: JsonValue): value is string =>
    NAMES.includes(name) && typeof value === 'string',
  pathOf: (name) => `/${name}`,
};
