import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { AcquisitionConfig, JsonObject, JsonValue } from '../contracts/json.js';
import type { ConfigFinding } from './acquisitionFindings.js';
import { capitalised } from './acquisitionFindings.js';
import { NO_FILE } from './fileRules.js';
import { isSection, type Sections } from './mergeConfig.js';
import { pointerParts, quoted } from './messageTemplate.js';

/** The schemas of the sections by name. */
export type SectionSchemas = ReadonlyMap<string, JsonObject>;

/** Values that follow from others: where the config fits `when`, the pointers get these values. */
export interface SetRule {
  readonly fits: ValidateFunction;
  readonly values: Readonly<Record<string, JsonValue>>;
}

/** A config with the parameters under their own names. */
export interface UnaliasedConfig<T> {
  readonly config: T;
  /** Parameters that were given different values under several names; these stay under all of them. */
  readonly findings: readonly ConfigFinding[];
}

/**
 * Puts parameters that were given under another name (`x-alias`) under their own. Given under both with the
 * same value, the other name is dropped. Does not change its input; what is no section stays as it is.
 */
export function withoutAliases<T extends Sections>(config: T, schemas: SectionSchemas): UnaliasedConfig<T> {
  const findings: ConfigFinding[] = [];
  const entries = Object.entries(config).map(([name, section]) => {
    const parameters = schemas.get(name)?.properties;
    if (!isSection(section) || !isSection(parameters)) return [name, section] as const;
    const fields = new Map(Object.entries(section));
    for (const [field, schema] of Object.entries(parameters)) {
      for (const alias of aliasesOf(schema)) {
        const given = fields.get(alias);
        if (given === undefined) continue;
        const own = fields.get(field);
        if (own !== undefined && !isSame(own, given)) {
          findings.push(conflict({ section: name, field, alias, own, given }));
          continue;
        }
        fields.delete(alias);
        fields.set(field, given);
      }
    }
    return [name, Object.fromEntries(fields)] as const;
  });
  return { config: Object.fromEntries(entries) as T, findings };
}

/** Other names of a parameter. */
export function aliasesOf(schema: JsonValue | undefined): readonly string[] {
  const alias = isSection(schema) ? schema['x-alias'] : undefined;
  return (Array.isArray(alias) ? alias : [alias]).filter((name) => typeof name === 'string');
}

interface Conflict {
  readonly section: string;
  readonly field: string;
  readonly alias: string;
  readonly own: JsonValue;
  readonly given: JsonValue;
}

function conflict({ section, field, alias, own, given }: Conflict): ConfigFinding {
  const Section = capitalised(section);
  const value = (shown: JsonValue) => (typeof shown === 'string' ? shown : quoted(shown));
  return {
    pointer: `/${section}/${field}`,
    keyword: 'x-alias',
    text: `Invalid config. ${Section} '${alias}' set to '${value(given)}', but '${field}' set to '${value(own)}'. They are names of the same parameter.`,
    names: [],
  };
}

const isSame = (a: JsonValue, b: JsonValue) => JSON.stringify(a) === JSON.stringify(b);

/** Adds what the schema says: endings (`x-suffix`) and values that follow from others (`x-set`). */
export function complete(
  config: Readonly<Record<string, JsonValue>>,
  schemas: SectionSchemas,
  rules: readonly SetRule[],
): AcquisitionConfig {
  const sections: Record<string, JsonObject> = Object.fromEntries(
    Object.entries(config).map(([name, section]) => [
      name,
      isSection(section) ? withEndings(section, schemas.get(name)) : {},
    ]),
  );
  for (const { fits, values } of rules) {
    if (!fits(sections)) continue;
    for (const [pointer, value] of Object.entries(values)) {
      const [section = '', field = ''] = pointerParts(pointer);
      const target = Object.hasOwn(sections, section) ? sections[section] : undefined;
      if (target !== undefined) target[field] = structuredClone(value);
    }
  }
  return sections;
}

function withEndings(section: JsonObject, schema: JsonObject | undefined): JsonObject {
  const copy = structuredClone(section);
  const parameters = schema?.properties;
  for (const [field, parameter] of Object.entries(isSection(parameters) ? parameters : {})) {
    const suffix = isSection(parameter) ? parameter['x-suffix'] : null;
    const value = Object.hasOwn(copy, field) ? copy[field] : null;
    if (typeof suffix !== 'string' || typeof value !== 'string') continue;
    if (value !== '' && value !== NO_FILE && !value.endsWith(suffix)) copy[field] = `${value}${suffix}`;
  }
  return copy;
}
