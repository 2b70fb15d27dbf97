import type { ValidateFunction } from 'ajv/dist/2020.js';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import { suggestion } from '../nearest.js';
import { SchemaCompiler, type SchemaCompilerOptions } from '../schemas/schemaCompiler.js';
import { isSection } from './mergeConfig.js';
import { TEMPLATE_NAMES, unknownNamesIn } from './messageTemplate.js';
import { aliasesOf, type SetRule } from './normaliseConfig.js';

/** A config schema, taken apart and compiled. */
export interface AcquisitionSchema {
  /** The schema of each section, in the order in which findings are reported. */
  readonly sections: ReadonlyMap<string, JsonObject>;
  /** Sections that a config must have. */
  readonly required: readonly string[];
  /** The sections, each on its own. */
  readonly validateSections: ValidateFunction;
  /** The rules at the root of the schema, which compare sections with each other. */
  readonly validateRules: ValidateFunction;
  /** Values that follow from others. */
  readonly setRules: readonly SetRule[];
}

/** Keywords at the root that say which sections there are; all others are rules between sections. */
const SECTION_KEYWORDS = ['type', 'properties', 'required', 'additionalProperties', 'x-set'];

const texts = { type: 'object', additionalProperties: { type: 'string' } };
const name = { type: 'string', minLength: 1 };

const COMPILING: SchemaCompilerOptions = {
  options: {
    allErrors: true,
    verbose: true,
    $data: true,
    ownProperties: true,
    // Rules name only the values they compare; the sections have the types.
    strictTypes: false,
    logger: false,
  },
  isForeign: true,
  keywords: [
    { keyword: 'x-message', metaSchema: { anyOf: [{ type: 'string' }, texts] } },
    { keyword: 'x-expected', metaSchema: { type: 'string' } },
    { keyword: 'x-suffix', metaSchema: { type: 'string', minLength: 1 } },
    { keyword: 'x-alias', metaSchema: { anyOf: [name, { type: 'array', items: name }] } },
    { keyword: 'x-unit', metaSchema: { type: 'string' } },
  ],
};

/**
 * Compiles a config schema (JSON Schema 2020-12 with `$data` and the keywords `x-message`, `x-expected`,
 * `x-suffix`, `x-alias`, `x-set` and `x-unit`, see docs/configuration.md).
 *
 * Sections and rules are compiled apart, so that a finding's kind does not hang on how the schema is written.
 *
 * @param source - Where the schema comes from, for messages.
 * @throws InvalidRequestError `invalid_deployment` when it is no usable schema.
 */
export function compileAcquisitionSchema(schema: JsonValue, source: string): AcquisitionSchema {
  const properties = isSection(schema) ? schema.properties : null;
  if (!isSection(schema) || !isSection(properties) || Object.keys(properties).length === 0) {
    throw unusable(source, "it has no 'properties' that name the sections of the config");
  }
  const sections = new Map<string, JsonObject>();
  for (const [name, section] of Object.entries(properties)) {
    if (!isSection(section) || !isSection(section.properties)) {
      throw unusable(source, `section '${name}' has no 'properties' that name its parameters`);
    }
    sections.set(name, section);
  }
  const problems = [
    ...templateProblems(schema),
    ...aliasProblems(sections),
    ...setProblems(schema, sections),
  ];
  if (problems.length > 0) throw unusable(source, problems.join('; '));

  const isSectionKeyword = ([keyword]: [string, JsonValue]) => SECTION_KEYWORDS.includes(keyword);
  const rules = Object.fromEntries(Object.entries(schema).filter((entry) => !isSectionKeyword(entry)));
  const definitions = schema.$defs;
  try {
    const compiler = new SchemaCompiler(COMPILING);
    return {
      sections,
      required: Array.isArray(schema.required) ? schema.required.map(String) : [],
      validateSections: compiler.compile({
        properties,
        ...(definitions === undefined ? {} : { $defs: definitions }),
      }),
      validateRules: compiler.compile(rules),
      setRules: setRulesIn(schema).map(({ when, set }) => ({ fits: compiler.compile(when), values: set })),
    };
  } catch (error) {
    throw unusable(source, error instanceof Error ? error.message : String(error), error);
  }
}

/** `x-set` as it has to be; `setProblems` says what is not. */
function setRulesIn(schema: JsonObject): { when: JsonObject; set: JsonObject }[] {
  const rules = schema['x-set'];
  return (Array.isArray(rules) ? rules : []).flatMap((rule) =>
    isSection(rule) && isSection(rule.when) && isSection(rule.set)
      ? [{ when: rule.when, set: rule.set }]
      : [],
  );
}

function setProblems(schema: JsonObject, sections: ReadonlyMap<string, JsonObject>): string[] {
  const written = schema['x-set'];
  if (written === undefined) return [];
  const rules = setRulesIn(schema);
  if (!Array.isArray(written) || rules.length < written.length) {
    return ["x-set has to be a list of objects with a schema 'when' and an object 'set'"];
  }
  const known = [...sections].flatMap(([name, { properties }]) =>
    Object.keys(isSection(properties) ? properties : {}).map((field) => `/${name}/${field}`),
  );
  const strange = rules.flatMap(({ set }) => Object.keys(set)).filter((pointer) => !known.includes(pointer));
  return strange.map(
    (pointer) => `x-set names '${pointer}', which is no parameter.${suggestion(pointer, known)}`,
  );
}

/** An alias that is another parameter as well, or an alias of two, could not be told apart. */
function aliasProblems(sections: ReadonlyMap<string, JsonObject>): string[] {
  return [...sections].flatMap(([name, { properties }]) => {
    const parameters = Object.entries(isSection(properties) ? properties : {});
    const names = parameters.flatMap(([field, schema]) => [field, ...aliasesOf(schema)]);
    const twice = new Set(names.filter((field, index) => names.indexOf(field) !== index));
    return [...twice].map((field) => `section '${name}' has '${field}' as a name or x-alias twice`);
  });
}

function templateProblems(schema: JsonValue): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([keyword, value]) => {
    if (keyword !== 'x-message') return templateProblems(value);
    const templates = isSection(value) ? Object.values(value) : [value];
    return templates.flatMap((template) =>
      unknownNamesIn(String(template)).map(
        (name) => `x-message "${template}" uses '{${name}}'.${suggestion(name, TEMPLATE_NAMES)}`,
      ),
    );
  });
}

function unusable(source: string, reason: string, cause?: unknown): InvalidRequestError {
  return new InvalidRequestError('invalid_deployment', `${source} is no usable config schema: ${reason}.`, {
    operation: 'compile the config schema',
    hint: 'docs/configuration.md says how a config schema is written.',
    cause,
  });
}
