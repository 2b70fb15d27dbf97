import type { JsonValue, Section } from '../../../contracts/json.js';
import type { SlsParameter } from './names.js';
import { parseList, parseQuantity, parseSeconds } from './parser.js';

/** A value as it goes on the command line, or what is wrong with it. */
export type FormattedValue =
  | { readonly text: string; readonly problem?: undefined }
  | { readonly problem: string };

/**
 * What a word may look like. The programs split arguments at blanks, read `-h` anywhere as a call for help, a
 * leading number or dash as the index of a detector, and `#` as a comment: none of it can be written with these.
 */
const WORD = /^[a-z][a-z0-9_]{0,31}$/;
const QUOTED_CHARACTERS = 60;

/** Writes a client's value for the command line; only what is known to be harmless comes through. */
export function formatValue(
  parameter: SlsParameter,
  value: JsonValue,
  { units }: { units: boolean },
): FormattedValue {
  const wrong = (expected: string) => ({
    problem: `${parameter.name} has to be ${expected}, got ${quote(value)}`,
  });
  const { choices, minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = parameter;
  if (choices !== undefined) {
    const known = choices.some((choice) => choice === value);
    return known ? { text: String(value) } : wrong(`one of ${choices.join(', ')}`);
  }
  if (parameter.kind === 'word') {
    return typeof value === 'string' && WORD.test(value)
      ? { text: value }
      : wrong('a word of small letters, digits and underscores');
  }
  const inRange = typeof value === 'number' && value >= minimum && value <= maximum;
  if (parameter.kind === 'integer') {
    return inRange && Number.isInteger(value) && value >= 0
      ? { text: value.toFixed(0) }
      : wrong(`a whole number from ${Math.max(minimum, 0)} to ${maximum}`);
  }
  if (!inRange || value < 0) return wrong(`a number of seconds from ${Math.max(minimum, 0)} to ${maximum}`);
  const nanoseconds = Math.round(value * 1e9);
  if (value > 0 && nanoseconds === 0) return wrong('0 or at least 1e-9 s');
  return { text: units ? formatTime(nanoseconds) : formatSeconds(nanoseconds) };
}

const UNITS = [
  ['s', 1_000_000_000],
  ['ms', 1_000_000],
  ['us', 1_000],
] as const;

/**
 * A time in the largest unit that makes it a whole number. The programs cut off what they cannot represent, so
 * that `0.000123s` may become 122999 ns, but `123us` does not.
 */
function formatTime(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const fitting = UNITS.find(([, size]) => nanoseconds % size === 0);
  return fitting === undefined ? `${nanoseconds}ns` : `${nanoseconds / fitting[1]}${fitting[0]}`;
}

function formatSeconds(nanoseconds: number): string {
  const digits = String(nanoseconds).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/**
 * Reads a value in the unit of the acquisition config; a list when the modules differ. Null when the answer is
 * none for this kind of parameter.
 */
export function readValue(parameter: SlsParameter, answer: string): JsonValue | null {
  const values = parseList(answer).map((element) => readOne(parameter, element));
  if (values.length === 0 || values.some((value) => value === null)) return null;
  const [first = null] = values;
  return values.every((value) => value === first) ? first : values;
}

function readOne({ kind }: SlsParameter, text: string): JsonValue | null {
  if (kind === 'seconds') return parseSeconds(text);
  if (kind === 'integer') return parseQuantity(text)?.value ?? null;
  return text === '' ? null : text;
}

/** A parameter with the value asked for, and as it is written. */
export interface Setting {
  readonly parameter: SlsParameter;
  readonly value: JsonValue;
  readonly text: string;
}

/**
 * Checks the detector section of an acquisition config and brings it into the order in which it is applied;
 * `problems` names everything that is wrong with it.
 */
export function settingsOf(
  section: Section,
  parameters: ReadonlyMap<string, SlsParameter>,
  form: { units: boolean },
): { settings: Setting[]; problems: string[] } {
  const problems = Object.keys(section)
    .filter((name) => !parameters.has(name))
    .map((name) => `there is no parameter ${quote(name)}, there are ${[...parameters.keys()].join(', ')}`);
  const settings: Setting[] = [];
  for (const [name, parameter] of parameters) {
    const value = Object.hasOwn(section, name) ? section[name] : undefined;
    if (value === undefined || isLeftToTheGate(section, parameter, value)) continue;
    const formatted = formatValue(parameter, value, form);
    const twin = settings.find((other) => other.parameter.command === parameter.command);
    if (formatted.problem !== undefined) problems.push(formatted.problem);
    else if (twin === undefined) settings.push({ parameter, value, text: formatted.text });
    else if (twin.text !== formatted.text) {
      problems.push(
        `${name} is ${formatted.text}, but ${twin.parameter.name} is ${twin.text}: both mean ${parameter.command}`,
      );
    }
  }
  return { settings, problems };
}

/** With timing gating the gate makes exposure and period; clients say so with a negative time. */
function isLeftToTheGate(section: Section, { kind }: SlsParameter, value: JsonValue): boolean {
  return kind === 'seconds' && section.timing === 'gating' && typeof value === 'number' && value < 0;
}

function quote(value: JsonValue): string {
  return JSON.stringify(value).slice(0, QUOTED_CHARACTERS);
}
