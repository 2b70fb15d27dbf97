import type { JsonValue } from '../contracts/json.js';
import type { DocumentPath } from './yamlSource.js';

/** Matches what a text has in `${…}`; the inner part is its first group. */
export const PLACEHOLDER = /\$\{([^}]*)\}/g;

/**
 * Copies a value with every text in it changed, however deep; keys stay as they are.
 *
 * @param change - Gets a text and where it stands. What it answers takes the text's place; with undefined the
 * key or the item is left out.
 */
export function mapTexts<T extends JsonValue>(
  value: T,
  change: (text: string, path: DocumentPath) => string,
): T;
export function mapTexts(
  value: JsonValue,
  change: (text: string, path: DocumentPath) => JsonValue | undefined,
): JsonValue;
export function mapTexts(
  value: JsonValue,
  change: (text: string, path: DocumentPath) => JsonValue | undefined,
): JsonValue {
  return mapAt(value, [], change) ?? null;
}

function mapAt(
  value: JsonValue,
  path: DocumentPath,
  change: (text: string, path: DocumentPath) => JsonValue | undefined,
): JsonValue | undefined {
  if (typeof value === 'string') return change(value, path);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.flatMap((inner, index) => {
      const mapped = mapAt(inner, [...path, index], change);
      return mapped === undefined ? [] : [mapped];
    });
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const mapped = mapAt(inner, [...path, key], change);
      return mapped === undefined ? [] : [[key, mapped] as const];
    }),
  );
}

/**
 * Fills in the placeholders of a text. A placeholder that is the whole text is replaced by the value itself, so
 * that a number stays a number; one inside a text by the value as text.
 *
 * @param valueFor - Gets the inner part and the whole placeholder; null leaves it as it is, undefined says that there
 * is no value: a text that is only the placeholder is left out, and otherwise nothing takes its place.
 */
export function fillPlaceholders(
  text: string,
  valueFor: (inner: string, placeholder: string) => JsonValue | undefined,
): JsonValue | undefined {
  const [first] = text.matchAll(PLACEHOLDER);
  if (first !== undefined && first[0] === text) {
    const value = valueFor(first[1] ?? '', text);
    return value === null ? text : value;
  }
  return text.replace(PLACEHOLDER, (placeholder: string, inner: string) => {
    const value = valueFor(inner, placeholder);
    if (value === null) return placeholder;
    return value === undefined ? '' : Array.isArray(value) ? value.join(',') : String(value);
  });
}
