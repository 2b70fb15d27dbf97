import type { AcquisitionConfig } from '../contracts/json.js';
import { hasField } from '../files/fileNames.js';
import type { Deployment } from './deployment.js';

/** What is added to a path of the config, so that each pipeline gets a file of its own. */
export type FileRule = Deployment['fileRules'][number];

/** Stands for "no file" where a deployment allows it, and is never made into another name. */
export const NO_FILE = '/dev/null';

const OUTPUT_FILE = { section: 'writer', field: 'output_file' } as const;

/**
 * Pipelines must not write to the same file, so there is a rule for it where the deployment has none. A name with
 * `{detector}` in it is each pipeline's own already.
 */
const OWN_OUTPUT_FILE: FileRule = { ...OUTPUT_FILE, append: `.\${pipeline}`, before: '.h5' };

/** The rules of a deployment, completed by one for the writers' files when there are several pipelines. */
export function completeFileRules(
  rules: readonly FileRule[],
  { pipelines }: { readonly pipelines: readonly unknown[] },
): readonly FileRule[] {
  const hasOwn = rules.some(
    ({ section, field }) => section === OUTPUT_FILE.section && field === OUTPUT_FILE.field,
  );
  return hasOwn || pipelines.length < 2 ? rules : [...rules, OWN_OUTPUT_FILE];
}

/**
 * The config of one pipeline with its paths made its own. Fields that are absent, empty, no texts or
 * `/dev/null` stay as they are. Does not change its input.
 *
 * @param pipeline - Takes the place of `${pipeline}`.
 */
export function applyFileRules(
  config: AcquisitionConfig,
  rules: readonly FileRule[],
  pipeline: string,
): AcquisitionConfig {
  const sections = new Map(Object.entries(config));
  for (const rule of rules) {
    const { section: name, field, append, before } = rule;
    const section = sections.get(name);
    const path = section !== undefined && Object.hasOwn(section, field) ? section[field] : undefined;
    if (section === undefined || typeof path !== 'string' || path === '' || path === NO_FILE) continue;
    if (rule === OWN_OUTPUT_FILE && hasField(path, 'detector')) continue;
    const added = append.replaceAll(`\${pipeline}`, () => pipeline);
    const hasEnding = before !== undefined && path.endsWith(before);
    const changed = hasEnding
      ? `${path.slice(0, path.length - before.length)}${added}${before}`
      : `${path}${added}${before ?? ''}`;
    sections.set(name, { ...section, [field]: changed });
  }
  return structuredClone(Object.fromEntries(sections));
}
