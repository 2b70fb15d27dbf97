import type { ErrorObject } from 'ajv/dist/2020.js';
import { nearest, suggestion } from '../nearest.js';
import { NAME_PATTERN, ROUTE_PATTERN } from './deployment.js';
import type { Override } from './overrides.js';
import type { DocumentPath, YamlSource } from './yamlSource.js';

/** Something wrong with a deployment. */
export interface Finding {
  readonly path: DocumentPath;
  readonly text: string;
  /** Line in the file; null when it is not from there. */
  readonly line: number | null;
}

/** `pipelines[0].detector.kind` */
function pathText(path: DocumentPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** One line for people: where, and what. A value from outside the file is named by its variable or flag. */
export function findingText({ path, text, line }: Finding, overrides: readonly Override[] = []): string {
  const override = overrides.find((candidate) => pathText(candidate.path) === pathText(path));
  if (override !== undefined) return `${override.origin} (${pathText(path)}): ${text}`;
  const where = [line === null ? [] : [`line ${line}`], path.length === 0 ? [] : [pathText(path)]]
    .flat()
    .join(', ');
  return where === '' ? text : `${where}: ${text}`;
}

/**
 * Translates what ajv found in a deployment; needs ajv's `verbose`.
 *
 * @param base - Where in the file the value stands that was checked.
 */
export function schemaFindings(
  errors: readonly ErrorObject[],
  source: YamlSource,
  base: DocumentPath = [],
): Finding[] {
  const wrongTypes = new Set(
    errors.filter(({ keyword }) => keyword === 'type').map((error) => error.instancePath),
  );
  // What is of the wrong type need not be out of range as well.
  const relevant = errors.filter((error) => error.keyword === 'type' || !wrongTypes.has(error.instancePath));
  return relevant.map((error) => {
    const path = [...base, ...pointerPath(error.instancePath)];
    if (error.keyword === 'additionalProperties') {
      const key = String(error.params.additionalProperty);
      const known = Object.keys(error.parentSchema?.properties ?? {});
      return {
        path: [...path, key],
        text: `unknown key.${suggestion(key, known)}`,
        line: source.lineOfKey(path, key),
      };
    }
    if (error.keyword === 'required') {
      const key = String(error.params.missingProperty);
      return { path: [...path, key], text: 'is missing.', line: source.lineOf(path) };
    }
    // Who puts a token where its hash belongs shall not find it in a log.
    const text =
      path.at(-1) === 'sha256'
        ? 'expected the 64 hexadecimal digits that `dia token` prints.'
        : valueText(error);
    return { path, text, line: source.lineOf(path) };
  });
}

/** `/pipelines/0/name` as a path; RFC 6901. */
function pointerPath(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

const TYPE_NAMES: Record<string, string> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  object: 'a group of keys',
  string: 'a text',
};

function valueText({ keyword, params, schema, data, message }: ErrorObject): string {
  const got = `, got ${shown(data)}.`;
  switch (keyword) {
    case 'type':
      return `expected ${TYPE_NAMES[String(params.type)] ?? params.type}${got}`;
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(String);
      const near = typeof data === 'string' ? nearest(data, allowed) : null;
      return `expected one of ${allowed.join(', ')}${got}${near === null ? '' : ` Did you mean '${near}'?`}`;
    }
    case 'minimum':
      return `expected at least ${schema}${got}`;
    case 'maximum':
      return `expected at most ${schema}${got}`;
    case 'minLength':
      return 'must not be empty.';
    case 'minItems':
      return `needs at least ${params.limit} entry.`;
    case 'pattern':
      return `${patternText(String(schema))}${got}`;
    default:
      return `${message ?? 'is not valid'}${got}`;
  }
}

function patternText(pattern: string): string {
  if (pattern === NAME_PATTERN) return "expected a letter followed by letters, digits, '-' or '_'";
  if (pattern === ROUTE_PATTERN) return "expected a path such as '/threshold' in small letters";
  if (pattern.startsWith('^http')) return "expected an address such as 'http://host:port'";
  if (pattern.startsWith('^(tcp')) return "expected an address such as 'tcp://host:port'";
  return `expected something of the form ${pattern}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
