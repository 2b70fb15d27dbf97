import { InvalidRequestError } from '../contracts/errors.js';
import type { AcquisitionConfig, JsonValue } from '../contracts/json.js';

/** What the flags of `dia acquire` say; what is undefined was not given. */
export interface RunFlags {
  readonly output?: string | undefined;
  readonly frames?: number | undefined;
  readonly exptime?: number | undefined;
  readonly period?: number | undefined;
  readonly bitDepth?: number | undefined;
  readonly userId?: number | undefined;
}

/** What is taken when there is neither a flag nor a config file. */
export const RUN_DEFAULTS = {
  output: 'acquisition.h5',
  frames: 100,
  exptime: 0.01,
  period: 0.1,
  bitDepth: 16,
  userId: -1,
} as const;

/** Every place in a config that a flag stands for. */
const PLACES: readonly (readonly [keyof RunFlags, section: string, field: string])[] = [
  ['output', 'writer', 'output_file'],
  ['frames', 'writer', 'n_frames'],
  ['userId', 'writer', 'user_id'],
  ['bitDepth', 'backend', 'bit_depth'],
  ['frames', 'backend', 'n_frames'],
  ['frames', 'detector', 'frames'],
  ['period', 'detector', 'period'],
  ['exptime', 'detector', 'exptime'],
  ['bitDepth', 'detector', 'dr'],
];

/** The config of a run: the flags over the file, or over the defaults when there is no file. */
export function runConfig(flags: RunFlags, file: AcquisitionConfig | null): AcquisitionConfig {
  const config: AcquisitionConfig = structuredClone(file ?? {});
  for (const [flag, section, field] of PLACES) {
    const value = flags[flag] ?? (file === null ? RUN_DEFAULTS[flag] : undefined);
    if (value === undefined) continue;
    config[section] = { ...config[section], [field]: value };
  }
  return config;
}

/**
 * Reads a config from the text of a JSON file.
 *
 * @throws InvalidRequestError `invalid_json` naming the source.
 */
export function parseConfig(text: string, source: string): AcquisitionConfig {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notAConfig(source, error instanceof Error ? error.message : String(error));
  }
  if (!isConfig(value)) throw notAConfig(source, 'it is no object with an object for each section');
  return value;
}

function isConfig(value: JsonValue): value is AcquisitionConfig {
  return isObject(value) && Object.values(value).every(isObject);
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notAConfig(source: string, why: string): InvalidRequestError {
  return new InvalidRequestError('invalid_json', `${source} is no acquisition config: ${why}.`, {
    operation: 'read the config',
    expected: 'a JSON object with the sections writer, backend and detector',
    actual: source,
    hint: '`dia config get` prints one; all parameters are in docs/configuration.md.',
  });
}
