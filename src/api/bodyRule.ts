import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import type { Static, TSchema } from 'typebox';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { nearest } from '../nearest.js';
import { SchemaCompiler } from '../schemas/schemaCompiler.js';

/** More findings than these are only counted. */
const MOST_FINDINGS = 10;

const compiler = new SchemaCompiler({ options: { allErrors: true, allowUnionTypes: true, strict: true } });

/** What a body rule may say besides its schema. */
export interface BodyRuleOptions {
  readonly required?: boolean;
  /** What is answered when a required body is missing. */
  readonly whenMissing?: string;
  /** What is answered when fields are missing, where clients match on a text. */
  readonly whenIncomplete?: string;
  readonly example?: JsonValue;
}

/** The body of a route: checks it, types it, and describes it in the OpenAPI document. */
export class BodyRule<S extends TSchema = TSchema> {
  readonly schema: S;
  readonly options: BodyRuleOptions;
  readonly #validator: () => ValidateFunction<Static<S>>;

  constructor(schema: S, options: BodyRuleOptions = {}) {
    this.schema = schema;
    this.options = options;
    this.#validator = compiler.later<Static<S>>(schema);
  }

  /** The typed body; undefined when there is none and none is needed. Throws `invalid_body` with all findings. */
  parse(body: JsonValue | undefined): Static<S> | undefined {
    if (body === undefined) {
      if (this.options.required) throw this.#missing();
      return undefined;
    }
    const validate = this.#validator();
    if (validate(body)) return body;
    throw this.#invalid(validate.errors ?? [], body);
  }

  /** The typed body of a rule that requires one. */
  need(body: JsonValue | undefined): Static<S> {
    const parsed = this.parse(body);
    if (parsed === undefined) throw this.#missing();
    return parsed;
  }

  #missing(): InvalidRequestError {
    const example = this.options.example;
    return new InvalidRequestError(
      'invalid_body',
      this.options.whenMissing ?? 'This request needs a JSON body, and none came.',
      {
        component: 'api',
        expected: example ?? 'a JSON body',
        actual: 'no body',
        hint: "With curl: -H 'Content-Type: application/json' -d '{…}'.",
      },
    );
  }

  #invalid(errors: ErrorObject[], body: JsonValue): InvalidRequestError {
    const shown = errors.slice(0, MOST_FINDINGS).map((error) => describe(error, this.schema, body));
    if (errors.length > shown.length) shown.push(`… and ${errors.length - shown.length} more.`);
    const { whenIncomplete, example } = this.options;
    const incomplete = whenIncomplete !== undefined && errors.some((error) => error.keyword === 'required');
    return new InvalidRequestError('invalid_body', incomplete ? whenIncomplete : shown.join(' '), {
      component: 'api',
      expected: example ?? 'see /openapi.json',
      actual: shown,
      hint: 'Nothing was done. Correct the body and send it again; /openapi.json has the schema.',
    });
  }
}

function describe(error: ErrorObject, schema: TSchema, body: JsonValue): string {
  const segments = error.instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  const place = segments.length === 0 ? 'The body' : `'${shorten(segments.join('.'))}'`;
  const known = knownFields(schema);
  if (error.keyword === 'additionalProperties') {
    return unknownField(String(error.params.additionalProperty), known);
  }
  if (error.keyword === 'required') return `Field '${error.params.missingProperty}' is missing.`;
  if (error.keyword === 'type') {
    const [first = ''] = segments;
    // A section is an object: another value under a name close to a known field is a mistyped field.
    if (segments.length === 1 && !known.includes(first) && nearest(first, known) !== null) {
      return unknownField(first, known);
    }
    return `${place} must be ${typeWords(error.params.type)}, not ${describeValue(at(body, segments))}.`;
  }
  if (error.keyword === 'minLength') return `${place} must not be empty.`;
  return `${place} ${error.message ?? 'is not valid'}.`;
}

function knownFields(schema: TSchema): string[] {
  const properties = 'properties' in schema ? schema.properties : undefined;
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}

function unknownField(name: string, known: string[]): string {
  const near = nearest(name, known);
  if (near !== null) return `Unknown field '${shorten(name)}'; did you mean '${near}'?`;
  if (known.length === 0) return `Unknown field '${shorten(name)}': this request takes no body.`;
  return `Unknown field '${shorten(name)}'; known: ${known.join(', ')}.`;
}

function typeWords(types: string | string[]): string {
  const words: Record<string, string> = {
    object: 'an object',
    boolean: 'true or false',
    string: 'a string',
    number: 'a number',
    integer: 'an integer',
  };
  const named = (Array.isArray(types) ? types : [types]).filter((type) => type !== 'null');
  return named.map((type) => words[type] ?? type).join(' or ');
}

function at(body: JsonValue, segments: string[]): JsonValue | undefined {
  let value: JsonValue | undefined = body;
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Array.isArray(value) ? value[Number(segment)] : value[segment];
  }
  return value;
}

function describeValue(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string') return `the string '${shorten(value)}'`;
  return String(value);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
