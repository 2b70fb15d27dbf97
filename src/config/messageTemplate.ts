import type { JsonValue } from '../contracts/json.js';

/** What a text of a config schema can refer to by name, in curly brackets. */
export const TEMPLATE_NAMES = [
  'Section',
  'section',
  'field',
  'value',
  'expected',
  'missing',
  'unexpected',
] as const;

/** Values for the names in a text. */
export type TemplateFacts = Readonly<Partial<Record<(typeof TEMPLATE_NAMES)[number], string>>>;

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** JSON pointers that a text refers to, such as `/backend/bit_depth`. */
export function pointersIn(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)]
    .map(([, name = '']) => name)
    .filter((name) => name.startsWith('/'));
}

/** Names in curly brackets that mean nothing. */
export function unknownNamesIn(template: string): string[] {
  const known: readonly string[] = TEMPLATE_NAMES;
  return [...template.matchAll(PLACEHOLDER)]
    .map(([, name = '']) => name)
    .filter((name) => !name.startsWith('/') && !known.includes(name));
}

/** Fills in a text: names from the facts, pointers from the config. */
export function fillTemplate(template: string, facts: TemplateFacts, config: JsonValue): string {
  return template.replace(PLACEHOLDER, (placeholder: string, name: string) => {
    if (name.startsWith('/')) return plain(valueAt(config, name));
    return new Map(Object.entries(facts)).get(name) ?? placeholder;
  });
}

/** The value at a JSON pointer; undefined when there is none. */
export function valueAt(config: JsonValue, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = config;
  for (const part of pointerParts(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Array.isArray(value) ? value[Number(part)] : value[part];
  }
  return value;
}

/** The names of which a JSON pointer consists (RFC 6901). */
export function pointerParts(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A value as clients know it from the original's texts: `['output_file']`. */
export function pythonList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}

/** A value as JSON, texts in quotes, long ones shortened. */
export function quoted(value: unknown): string {
  // JSON has no word for these, and would call them null.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : quoted(value);
}
