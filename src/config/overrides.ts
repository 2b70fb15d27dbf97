import type { JsonObject, JsonValue } from '../contracts/json.js';

/** Settings from the command line; they win over the environment and the file. */
export interface DeploymentFlags {
  readonly host?: string | undefined;
  /** As typed; it is checked like the file's. */
  readonly port?: string | number | undefined;
  readonly logLevel?: string | undefined;
  readonly dataDir?: string | undefined;
}

/** A setting that does not come from the file: where it belongs, and who gave it. */
export interface Override {
  /** Group and key in the deployment file. */
  readonly path: readonly [string, string];
  readonly value: JsonValue;
  /** The variable or flag, for messages. */
  readonly origin: string;
}

const OVERRIDES = [
  { path: ['http', 'host'], variable: 'DIA_HOST', flag: 'host', option: '--host', isNumber: false },
  { path: ['http', 'port'], variable: 'DIA_PORT', flag: 'port', option: '--port', isNumber: true },
  {
    path: ['log', 'level'],
    variable: 'DIA_LOG_LEVEL',
    flag: 'logLevel',
    option: '--log-level',
    isNumber: false,
  },
  {
    path: ['paths', 'data'],
    variable: 'DIA_DATA_DIR',
    flag: 'dataDir',
    option: '--data-dir',
    isNumber: false,
  },
] as const;

/** Collects what the environment and the flags set. An empty environment variable counts as not set. */
export function collectOverrides(env: NodeJS.ProcessEnv, flags: DeploymentFlags): Override[] {
  return OVERRIDES.flatMap(({ path, variable, flag, option, isNumber }): Override[] => {
    const flagValue = flags[flag];
    const raw = flagValue ?? (env[variable] || undefined);
    if (raw === undefined) return [];
    // What is no number stays a text, so that the schema refuses it like any other wrong type.
    const value = isNumber && typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw;
    return [{ path, value, origin: flagValue === undefined ? variable : option }];
  });
}

/** Puts the overrides into a copy of what the file says. */
export function applyOverrides(settings: JsonObject, overrides: readonly Override[]): JsonObject {
  const result = { ...settings };
  for (const {
    path: [group, key],
    value,
  } of overrides) {
    const present = result[group] ?? {};
    // A group that is no object is a finding of its own; it must not be painted over.
    if (typeof present !== 'object' || Array.isArray(present)) continue;
    result[group] = { ...present, [key]: value };
  }
  return result;
}
