import type { AcquisitionConfig, JsonObject, JsonValue } from '../contracts/json.js';
import { suggestion } from '../nearest.js';

/** What clients send: sections they leave out, or send as null, mean "as it is". */
export type Sections = Readonly<Record<string, JsonValue | undefined>>;

/** A merged config, and what could not be merged. */
export interface MergeResult {
  /** A copy of its own; sections with a finding are those of the base. */
  readonly config: AcquisitionConfig;
  readonly findings: readonly string[];
}

/**
 * Merges sections into a config, field by field inside a section; a field given replaces the whole old value.
 * Changes neither of its inputs.
 *
 * @param known - Names of the sections that the deployment has; others become findings.
 */
export function mergeConfig(
  base: AcquisitionConfig,
  sections: Sections,
  known: readonly string[] = Object.keys(base),
): MergeResult {
  const merged = new Map<string, JsonObject>(
    Object.entries(base).map(([name, section]) => [name, { ...section }]),
  );
  const findings: string[] = [];
  for (const [name, section] of Object.entries(sections)) {
    if (!known.includes(name)) {
      findings.push(`Unknown config section '${name}'.${suggestion(name, known)}`);
    } else if (isSection(section)) {
      merged.set(name, { ...merged.get(name), ...section });
    } else if (section !== null && section !== undefined) {
      findings.push(`Config section '${name}' expected a JSON object, got ${JSON.stringify(section)}.`);
    }
  }
  // fromEntries and spread define fields instead of assigning them, so that `__proto__` stays a mere name.
  return { config: structuredClone(Object.fromEntries(merged)), findings };
}

/** The config of one pipeline: the common one with the pipeline's overlay merged in. Changes neither input. */
export function applyOverlay(config: AcquisitionConfig, overlay: AcquisitionConfig): AcquisitionConfig {
  return mergeConfig(config, overlay, Object.keys({ ...config, ...overlay })).config;
}

/** Whether a value can be a section of a config. */
export function isSection(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
