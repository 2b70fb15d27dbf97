import { InvalidRequestError } from '../contracts/errors.js';
import type { AcquisitionConfig, JsonValue } from '../contracts/json.js';

/**
 * Reads changes such as `detector.exptime=0.01` into sections. The name ends at the first `=`, the section at the
 * first dot. A value that is JSON is taken as such (`10`, `true`, `"10"`), anything else is a text.
 *
 * @throws InvalidRequestError `invalid_config` naming what it could not read, or what was given twice.
 */
export function sectionsOf(changes: readonly string[]): AcquisitionConfig {
  const sections = new Map<string, Map<string, JsonValue>>();
  for (const change of changes) {
    const [, section, field, text] = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(change) ?? [];
    if (section === undefined || field === undefined || text === undefined) {
      throw unreadable(`'${change}' is no change of a config.`, change);
    }
    const fields = sections.get(section) ?? new Map<string, JsonValue>();
    if (fields.has(field)) throw unreadable(`'${section}.${field}' is given twice.`, change);
    sections.set(section, fields.set(field, parsedValue(text)));
  }
  // fromEntries defines fields, so that even a field `__proto__` is only a field; the server refuses it.
  return Object.fromEntries([...sections].map(([name, fields]) => [name, Object.fromEntries(fields)]));
}

function parsedValue(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function unreadable(message: string, actual: string): InvalidRequestError {
  return new InvalidRequestError('invalid_config', message, {
    operation: 'read the changes',
    expected: 'section.field=value',
    actual,
    hint: 'For example: `dia config update writer.output_file=run2.h5 detector.exptime=0.01`.',
  });
}
