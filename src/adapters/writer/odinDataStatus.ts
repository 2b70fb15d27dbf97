import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { isJsonObject } from '../transport/jsonObject.js';

/** What a FrameProcessor's file writer says of itself. */
export interface FileWriterStatus {
  readonly writing: boolean;
  /** Frames that this process is to write; 0: until stopped. */
  readonly framesMax: number;
  /** Extent of the data in the file: gaps count. */
  readonly framesWritten: number;
  readonly framesProcessed: number;
  readonly acquisitionId: string;
  /** Absolute path of the present or last file; null before the first. */
  readonly file: string | null;
  /** Errors of all plugins, until they are cleared. */
  readonly errors: readonly string[];
}

/** Reads the answer to `status`; null when the plugin is not in it. Names changed over the versions. */
export function readFileWriterStatus(params: JsonObject, plugin: string): FileWriterStatus | null {
  const hdf = params[plugin];
  if (!isJsonObject(hdf) || typeof hdf.writing !== 'boolean') return null;
  const count = (field: string) => {
    const value = hdf[field];
    return typeof value === 'number' && value > 0 ? value : 0;
  };
  const folder = textOf(hdf.current_file_path) ?? textOf(hdf.file_path) ?? '';
  const name = textOf(hdf.file_name) ?? '';
  const { error } = params;
  return {
    writing: hdf.writing,
    framesMax: count('frames_max'),
    framesWritten: count('frames_written'),
    framesProcessed: count('frames_processed'),
    acquisitionId: textOf(hdf.current_acquisition_id) ?? textOf(hdf.acquisition_id) ?? '',
    file: name === '' ? null : `${folder.replace(/\/+$/, '')}/${name}`,
    errors: Array.isArray(error) ? error.map(String) : [],
  };
}

/** What differs between what was configured and what is said to be configured, in sentences. */
export function configurationDifferences(wanted: JsonObject, found: JsonValue | undefined): string[] {
  const configuration = isJsonObject(found) ? found : {};
  return Object.entries(wanted).flatMap(([name, value]) => {
    const actual = configuration[name];
    if (isJsonObject(value)) return configurationDifferences(value, actual).map((text) => `${name}.${text}`);
    // A name of another version is not reported at all.
    if (actual === undefined || JSON.stringify(actual) === JSON.stringify(value)) return [];
    return [`${name} is ${JSON.stringify(actual)} instead of ${JSON.stringify(value)}`];
  });
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
