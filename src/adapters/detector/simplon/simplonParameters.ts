import type { JsonValue, Section } from '../../../contracts/json.js';
import type { SimplonValue } from './simplonApi.js';
import type { SimplonOptions } from './simplonOptions.js';

/** The names of the acquisition config and their SIMPLON keys. */
const KEYS: Readonly<Record<string, string>> = {
  frames: 'nimages',
  cycles: 'ntrigger',
  exptime: 'count_time',
  period: 'frame_time',
  dr: 'bit_depth_image',
  timing: 'trigger_mode',
};
const TRIGGER_MODES = ['ints', 'inte', 'exts', 'exte', 'extg', 'eies'];
const BIT_DEPTHS = [8, 16, 32];

/**
 * The order in which keys are set: each after those that change it. The energies set thresholds, the mode and the
 * thresholds set the bit depth and the shortest times, `trigger_mode` inte and exte set `nimages` to 1, and
 * `frame_time` follows `count_time`. Keys that are not here come first, by name.
 */
const ORDER = [
  'roi_mode',
  'element',
  'incident_energy',
  'photon_energy',
  'threshold_energy',
  'threshold/1/energy',
  'threshold/1/mode',
  'threshold/2/energy',
  'threshold/2/mode',
  'threshold/difference/mode',
  'counting_mode',
  'auto_summation',
  'bit_depth_image',
  'trigger_mode',
  'nimages',
  'ntrigger',
  'nexpi',
  'count_time',
  'frame_time',
];

/** Keys whose limits depend on other keys: what they are is known only when those are set. */
const MOVING_LIMITS = new Set(['count_time', 'frame_time', 'threshold_energy', 'nimages', 'ntrigger']);

/** Detectors round times and energies to their clocks and tables; a value this close is the one asked for. */
const TOLERANCE = { relative: 1e-4, absolute: 1e-7 };

/** A SIMPLON key that is to have a value. */
export interface WantedValue {
  /** Its name in the acquisition config. */
  readonly name: string;
  readonly key: string;
  readonly value: JsonValue;
}

/** The names an acquisition config may use. */
export function knownNames(options: SimplonOptions): string[] {
  return [...Object.keys(KEYS), ...options.parameters];
}

/** The SIMPLON key of a name of the acquisition config; null when there is no such name. */
export function keyOf(name: string, options: SimplonOptions): string | null {
  if (Object.hasOwn(KEYS, name)) return KEYS[name] ?? null;
  return options.parameters.includes(name) ? name : null;
}

/** The values that a section asks for in the order they are to be set, and what is wrong with it by itself. */
export function wantedValues(
  section: Section,
  options: SimplonOptions,
): { wanted: WantedValue[]; problems: string[] } {
  const wanted: WantedValue[] = [];
  const problems: string[] = [];
  for (const [name, value] of Object.entries(section)) {
    const key = keyOf(name, options);
    if (key === null) {
      problems.push(`'${name}' is no parameter of this detector`);
      continue;
    }
    // With an external gate the times are those of the gate; configs then say -1.
    if ((name === 'exptime' || name === 'period') && section.timing === 'gating' && value === -1) continue;
    const problem = problemOf(name, value);
    if (problem !== null) problems.push(problem);
    else wanted.push({ name, key, value: name === 'timing' ? modeOf(value, options) : value });
  }
  const rank = ({ key }: WantedValue) => ORDER.indexOf(key);
  wanted.sort((left, right) => rank(left) - rank(right) || left.key.localeCompare(right.key));
  return { wanted, problems };
}

function problemOf(name: string, value: JsonValue): string | null {
  const is = (expected: string) => `'${name}' is ${JSON.stringify(value)}, expected ${expected}`;
  switch (name) {
    case 'frames':
    case 'cycles':
      return Number.isSafeInteger(value) && Number(value) >= 1 ? null : is('a whole number from 1');
    case 'exptime':
      return typeof value === 'number' && value > 0 ? null : is('seconds above 0');
    case 'period':
      return typeof value === 'number' && value > 0 ? null : is('seconds above 0');
    case 'dr':
      return BIT_DEPTHS.includes(Number(value)) ? null : is(`${BIT_DEPTHS.join(', ')} bit`);
    case 'timing': {
      const words = ['auto', 'trigger', 'gating', ...TRIGGER_MODES];
      return words.includes(String(value)) ? null : is(`one of ${words.join(', ')}`);
    }
    default:
      return value === null ? is('a value') : null;
  }
}

function modeOf(timing: JsonValue, { gatingMode }: SimplonOptions): JsonValue {
  switch (timing) {
    case 'auto':
      return 'ints';
    case 'trigger':
      return 'exts';
    case 'gating':
      return gatingMode;
    default:
      return timing;
  }
}

/** A value of the detector in the words of the acquisition config. */
export function toConfigValue(name: string, value: JsonValue): JsonValue {
  if (name !== 'timing') return value;
  switch (value) {
    case 'ints':
      return 'auto';
    case 'exts':
      return 'trigger';
    case 'exte':
    case 'extg':
      return 'gating';
    default:
      return value;
  }
}

/** Whether the detector has the value asked for, within what it rounds. */
export function isSame(wanted: JsonValue, actual: JsonValue): boolean {
  if (typeof wanted === 'number' && typeof actual === 'number') {
    const tolerance = Math.max(TOLERANCE.absolute, TOLERANCE.relative * Math.abs(wanted));
    const exact = Number.isInteger(wanted) && Number.isInteger(actual);
    return exact ? wanted === actual : Math.abs(wanted - actual) <= tolerance;
  }
  return JSON.stringify(wanted) === JSON.stringify(actual);
}

/**
 * Why the detector cannot take a value, going by what it says of it; null when it can.
 *
 * @param settled - Whether all keys are set that this one's limits depend on.
 */
export function problemWith(
  { name, key, value }: WantedValue,
  present: SimplonValue,
  settled: boolean,
): string | null {
  if (isSame(value, present.value)) return null;
  const unit = present.unit === '' ? '' : ` ${present.unit}`;
  const is = (expected: string) =>
    `'${name}' (${key}) is ${JSON.stringify(value)}${unit}, expected ${expected}`;
  const { min, max, allowedValues } = present;
  if (allowedValues !== null && !allowedValues.some((allowed) => isSame(value, allowed))) {
    return is(`one of ${allowedValues.map((allowed) => JSON.stringify(allowed)).join(', ')}`);
  }
  if (typeof present.value === 'number' && typeof value !== 'number') return is('a number');
  if (typeof value !== 'number' || (!settled && MOVING_LIMITS.has(key))) return null;
  if (min !== null && value < min) return is(`at least ${min}${unit}`);
  if (max !== null && value > max) return is(`at most ${max}${unit}`);
  return null;
}
