import type { ErrorObject } from 'ajv/dist/2020.js';
import type { JsonValue } from '../contracts/json.js';
import { isSection } from './mergeConfig.js';
import { fillTemplate, pointerParts, pointersIn, pythonList, quoted } from './messageTemplate.js';

/** Something wrong with a config. */
export interface ConfigFinding {
  /** JSON pointer of the value, or of the section, that is wrong. */
  readonly pointer: string;
  /** The JSON Schema keyword that was not satisfied. */
  readonly keyword: string;
  readonly text: string;
  /** Pointers of the values that the text names. */
  readonly names: readonly string[];
}

const DEFAULT_TEXTS: Record<string, string> = {
  required: '{Section} configuration missing mandatory parameters: {missing}',
  additionalProperties: 'Received unexpected parameters for {section}: {unexpected}',
  minProperties: '{Section} configuration cannot be empty.',
};
const DEFAULT_SECTION_TEXT = '{Section} configuration expected {expected}, got {value}.';
const DEFAULT_TEXT = "{Section} parameter '{field}' expected {expected}, got {value}.";

/** Keywords that try several schemas: their own finding says it all, those of the tries do not. */
const CHOICES = ['anyOf', 'oneOf', 'not'];

/** Translates what ajv found in a config; needs ajv's `verbose` and `allErrors`. */
export function configFindings(errors: readonly ErrorObject[], config: JsonValue): ConfigFinding[] {
  const choices = errors.filter(({ keyword }) => CHOICES.includes(keyword));
  const relevant = errors.filter(
    (error) =>
      error.keyword !== 'if' &&
      !choices.some(({ schemaPath }) => error.schemaPath.startsWith(`${schemaPath}/`)),
  );
  const findings = relevant.map((error) => toFinding(error, { siblings: relevant, config }));
  // Several missing parameters, or several bounds of one value, give the same text more than once.
  return findings.filter(
    (finding, index) =>
      findings.findIndex(({ pointer, text }) => pointer === finding.pointer && text === finding.text) ===
      index,
  );
}

/**
 * Keeps what a person has to read of the findings inside the sections: an empty section is not missing
 * parameters as well, and a value of the wrong type is not out of range as well.
 */
export function withoutConsequences(findings: readonly ConfigFinding[]): ConfigFinding[] {
  const rank = ({ keyword }: ConfigFinding) =>
    keyword === 'type' || keyword === 'minProperties' ? 0 : CHOICES.includes(keyword) ? 1 : 2;
  return findings.filter(
    (finding) =>
      !findings.some(
        (other) => other.pointer === finding.pointer && rank(other) < rank(finding) && rank(other) < 2,
      ),
  );
}

function toFinding(
  error: ErrorObject,
  { siblings, config }: { siblings: readonly ErrorObject[]; config: JsonValue },
): ConfigFinding {
  const { instancePath: pointer, keyword, parentSchema } = error;
  const [section = '', ...field] = pointerParts(pointer);
  const ofSameSchema = siblings.filter(
    (other) =>
      other.instancePath === pointer && other.parentSchema === parentSchema && other.keyword === keyword,
  );
  const params = (name: string) => pythonList(ofSameSchema.map((other) => String(other.params[name])));
  const template =
    textOf(parentSchema?.['x-message'], keyword) ??
    DEFAULT_TEXTS[keyword] ??
    (field.length === 0 ? DEFAULT_SECTION_TEXT : DEFAULT_TEXT);
  const facts = {
    Section: capitalised(section),
    section,
    field: field.join('.'),
    value: quoted(error.data),
    expected: expectation(error),
    missing: params('missingProperty'),
    unexpected: params('additionalProperty'),
  };
  return {
    pointer,
    keyword,
    text: fillTemplate(template, facts, config),
    names: pointersIn(template),
  };
}

/** `x-message` is one text, or a text a keyword. */
function textOf(message: unknown, keyword: string): string | null {
  if (typeof message === 'string') return message;
  const text = isSection(message) && Object.hasOwn(message, keyword) ? message[keyword] : null;
  return typeof text === 'string' ? text : null;
}

const TYPE_NAMES: Record<string, string> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a JSON object',
  array: 'a list',
};

function expectation({ keyword, params, schema, message, parentSchema }: ErrorObject): string {
  const written: unknown = parentSchema?.['x-expected'];
  if (typeof written === 'string') return written;
  if (keyword === 'type') return TYPE_NAMES[String(params.type)] ?? String(params.type);
  if (keyword === 'enum') return `one of ${(params.allowedValues as unknown[]).map(quoted).join(', ')}`;
  if (keyword === 'const') return quoted(params.allowedValue);
  if (keyword === 'minimum') return `at least ${schema}`;
  if (keyword === 'exclusiveMinimum') return `more than ${schema}`;
  if (keyword === 'maximum') return `at most ${schema}`;
  if (keyword === 'exclusiveMaximum') return `less than ${schema}`;
  return (message ?? 'something else').replace(/^must /, 'it to ');
}

/** `writer` as the texts begin with it. */
export function capitalised(name: string): string {
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
}
