import { InvalidRequestError } from '../contracts/errors.js';
import type { AcquisitionConfig, JsonObject, JsonValue } from '../contracts/json.js';
import { nameFindings } from '../files/fileNames.js';
import { nearest } from '../nearest.js';
import {
  type ConfigFinding,
  capitalised,
  configFindings,
  withoutConsequences,
} from './acquisitionFindings.js';
import { type AcquisitionSchema, compileAcquisitionSchema } from './acquisitionSchema.js';
import { isSection, type MergeResult, mergeConfig, type Sections } from './mergeConfig.js';
import { pointerParts, valueAt } from './messageTemplate.js';
import { aliasesOf, complete, withoutAliases } from './normaliseConfig.js';

/** What came out of checking a config. */
export interface ValidationResult {
  /** A copy with what the schema adds, such as `.h5` behind `output_file`; `{}` when it is no config at all. */
  readonly config: AcquisitionConfig;
  /** Everything that is wrong, in the order sections first, then rules between sections; empty when valid. */
  readonly findings: readonly string[];
  /** What is odd but accepted: parameters that the schema does not know. */
  readonly warnings: readonly string[];
}

/** What a check may leave out. */
export interface ValidateOptions {
  /** Names of disabled components: their sections, and rules that need them, are not checked. */
  readonly disabled?: readonly string[];
}

/** Checks the acquisition configs of one deployment against its schema. Holds no state. */
export class AcquisitionValidator {
  readonly #schema: AcquisitionSchema;

  constructor(schema: AcquisitionSchema) {
    this.#schema = schema;
  }

  /**
   * Makes a validator from a schema file's text.
   *
   * @param source - Where the text comes from, for messages.
   * @throws InvalidRequestError `invalid_deployment` when it is no JSON or no usable schema.
   */
  static fromText(text: string, source: string): AcquisitionValidator {
    let schema: JsonValue;
    try {
      schema = JSON.parse(text) as JsonValue;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InvalidRequestError('invalid_deployment', `${source} is no JSON: ${reason}`, {
        operation: 'read the config schema',
        hint: 'A config schema is one JSON object; comments and trailing commas are not allowed.',
        cause: error,
      });
    }
    return new AcquisitionValidator(compileAcquisitionSchema(schema, source));
  }

  /** Names of the sections, in the order in which findings are reported. */
  get sections(): readonly string[] {
    return [...this.#schema.sections.keys()];
  }

  /** The config before the first one was set: every section, nothing in it. */
  emptyConfig(): AcquisitionConfig {
    return Object.fromEntries(this.sections.map((name) => [name, {}]));
  }

  /** Merges what a client sent into a config; a section that the schema does not have is a finding. */
  merge(base: AcquisitionConfig, sections: Sections): MergeResult {
    // A parameter given under its other name replaces the one that the base has.
    const plain = (config: Sections) => withoutAliases(config, this.#schema.sections).config;
    return mergeConfig(plain(base) as AcquisitionConfig, plain(sections), this.sections);
  }

  /** Checks a whole config and reports everything that is wrong with it. Does not change it. */
  validate(config: unknown, { disabled = [] }: ValidateOptions = {}): ValidationResult {
    const shapeFinding = this.#checkShape(config, disabled);
    if (shapeFinding !== null || !isSection(config)) {
      return { config: {}, findings: shapeFinding === null ? [] : [shapeFinding], warnings: [] };
    }
    // Clients send null for sections that they leave empty.
    const filled = Object.fromEntries(Object.entries(config).map(([name, section]) => [name, section ?? {}]));
    const { config: given, findings } = withoutAliases(filled, this.#schema.sections);
    const checked = Object.fromEntries(Object.entries(given).filter(([name]) => !disabled.includes(name)));
    return {
      config: complete(given, this.#schema.sections, this.#schema.setRules),
      findings: this.#findings(
        checked,
        findings.filter(({ pointer }) => !disabled.includes(pointerParts(pointer)[0] ?? '')),
      ),
      warnings: this.#warnings(checked),
    };
  }

  /** When sections are missing or strange, there is no point in looking into the others. */
  #checkShape(config: unknown, disabled: readonly string[]): string | null {
    const names = isSection(config) ? Object.keys(config) : [];
    const missing = this.#schema.required.some((name) => !names.includes(name) && !disabled.includes(name));
    const strange = names.some((name) => !this.#schema.sections.has(name));
    if (isSection(config) && !missing && !strange) return null;
    const sections = this.sections.map((name) => `'${name}'`).join(', ');
    return `Specify config JSON with ${this.sections.length} root elements: ${sections}.`;
  }

  #findings(config: JsonObject, namedTwice: readonly ConfigFinding[]): string[] {
    const { validateSections, validateRules } = this.#schema;
    validateSections(config);
    const found = withoutConsequences(configFindings(validateSections.errors ?? [], config));
    const inSections = [...found, ...namedTwice, ...forbiddenNames(config), ...fileNames(config)].toSorted(
      (a, b) => this.#rank(a) - this.#rank(b),
    );

    validateRules(config);
    const wrongTypes = new Set(
      inSections
        .filter(({ keyword }) => ['type', 'minProperties'].includes(keyword))
        .map(({ pointer }) => pointer),
    );
    const betweenSections = configFindings(validateRules.errors ?? [], config).filter(({ pointer, names }) =>
      // A rule says nothing about values that are missing, disabled, or no values of their kind.
      [pointer, ...names].every((name) => valueAt(config, name) !== undefined && !wrongTypes.has(name)),
    );
    return [...new Set([...inSections, ...betweenSections].map(({ text }) => text))];
  }

  /** Orders by section, then what is wrong with the section itself, then by the schema's order of parameters. */
  #rank({ pointer }: ConfigFinding): number {
    const [section = '', field] = pointerParts(pointer);
    const fields = Object.keys(this.#parameters(section));
    const position =
      field === undefined ? -1 : fields.includes(field) ? fields.indexOf(field) : fields.length;
    // No section has a thousand parameters.
    return this.sections.indexOf(section) * 1000 + position;
  }

  #warnings(config: JsonObject): string[] {
    return this.sections.flatMap((name) => {
      const section = config[name];
      const parameters = this.#parameters(name);
      const known = Object.entries(parameters).flatMap(([field, schema]) => [field, ...aliasesOf(schema)]);
      const isClosed = this.#schema.sections.get(name)?.additionalProperties === false;
      if (!isSection(section) || isClosed) return [];
      return Object.keys(section)
        .filter((field) => !known.includes(field) && field !== '__proto__')
        .map((field) => {
          const near = nearest(field, known);
          const hint = near === null ? '' : ` Did you mean '${near}'?`;
          return `${capitalised(name)} parameter ${named(field)} is not in the schema and is passed on unchecked.${hint}`;
        });
    });
  }

  #parameters(section: string): JsonObject {
    const parameters = this.#schema.sections.get(section)?.properties;
    return isSection(parameters) ? parameters : {};
  }
}

/** A name that a client chose, short enough for a log line. */
function named(field: string): string {
  return field.length > 80 ? `'${field.slice(0, 77)}...'` : `'${field}'`;
}

/**
 * The error that tells a client what is wrong with its config: the findings in one line, since clients print it
 * and match it with regular expressions.
 */
export function invalidConfig(findings: readonly string[]): InvalidRequestError {
  return new InvalidRequestError('invalid_config', findings.join(' '), {
    operation: 'check the config',
    actual: [...findings],
    hint: 'Nothing was changed. Correct the config and send it again; docs/configuration.md has all rules.',
  });
}

/** Names in curly brackets in the output files that nobody could fill in. */
function fileNames(config: JsonObject): ConfigFinding[] {
  return Object.entries(config).flatMap(([name, section]) => {
    const file = isSection(section) && Object.hasOwn(section, 'output_file') ? section.output_file : null;
    if (typeof file !== 'string') return [];
    return nameFindings(file).map((text) => ({
      pointer: `/${name}/output_file`,
      keyword: 'x-name',
      text: `${capitalised(name)} parameter 'output_file': ${text}`,
      names: [],
    }));
  });
}

/** JSON can carry a field of this name, and code that copies it by assignment would change the prototype. */
function forbiddenNames(config: JsonObject): ConfigFinding[] {
  return Object.entries(config)
    .filter(([, section]) => isSection(section) && Object.hasOwn(section, '__proto__'))
    .map(([name]) => ({
      pointer: `/${name}/__proto__`,
      keyword: 'propertyNames',
      text: `${capitalised(name)} parameter '__proto__' is not allowed.`,
      names: [],
    }));
}
