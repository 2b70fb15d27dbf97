import type { JsonObject, JsonValue } from '../../contracts/json.js';

/** Whether a part of an answer is a JSON object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
