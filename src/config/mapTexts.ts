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

/** `${…|text}`: the value shall be a text, whatever it looks like. */
const AS_TEXT = '|text';

/** What a placeholder stands for: null leaves it as it is, undefined says that there is no value. */
export type ValueFor = (inner: string, placeholder: string) => JsonValue | undefined;

/**
 * Fills in the placeholders of a text. A placeholder that is the whole text is replaced by the value itself, so
 * that a number stays a number, unless it ends with `|text`; one inside a text is replaced by the value as text.
 *
 * @returns Undefined when the text is a placeholder without value. Inside a text nothing takes its place.
 */
export function fillPlaceholders(text: string, valueFor: ValueFor): JsonValue | undefined {
  const [first] = text.matchAll(PLACEHOLDER);
  if (first !== undefined && first[0] === text) {
    const inner = first[1] ?? '';
    const value = valueFor(withoutSuffix(inner), text);
    if (value === null) return text;
    return inner.endsWith(AS_TEXT) && value !== undefined ? asText(value) : value;
  }
  return text.replace(PLACEHOLDER, (placeholder: string, inner: string) => {
    const value = valueFor(withoutSuffix(inner), placeholder);
    if (value === null) return placeholder;
    return value === undefined ? '' : asText(value);
  });
}

/** What a placeholder names, without the wish for a text. */
export function withoutSuffix(inner: string): string {
  return inner.endsWith(AS_TEXT) ? inner.slice(0, -AS_TEXT.length) : inner;
}

function asText(value: JsonValue): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}
