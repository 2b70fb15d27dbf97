import type { JsonObject, JsonValue } from '../contracts/json.js';

/** The value as a JSON object, or null when it is none. */
export function asObject(value: JsonValue | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

/** Parses a message; null when it is no JSON. */
export function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
