import { isAbsolute } from 'node:path';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonObject, JsonValue, Section } from '../contracts/json.js';
import { EXISTING_FILE_RULES, type ExistingFile } from '../contracts/writer.js';
import { COMPRESSIONS, type CompressionName } from './compression/compressions.js';
import { DIALECTS, type Dialect } from './decoders/dialects.js';
import type { DetectorFacts } from './formats/format.js';
import { LAYOUT_NAMES, type LayoutName } from './formats/layouts.js';
import type { RecorderParameters } from './recorder.js';
import { splitAddresses } from './streams/frameStream.js';

/** What the program's command line says for requests that do not. */
export interface ParameterDefaults {
  readonly existingFile: ExistingFile;
  readonly streamAddress: string | null;
  readonly dialect: Dialect;
  readonly format: LayoutName;
  readonly compression: CompressionName;
  readonly detector: DetectorFacts;
}

const MOST_FRAMES = 2 ** 31 - 1;
const FIELDS: Readonly<
  Record<string, { readonly expected: string; readonly fits: (value: JsonValue) => boolean }>
> = {
  output_file: {
    expected: 'an absolute path',
    fits: (value) => typeof value === 'string' && isAbsolute(value) && !value.includes('\0'),
  },
  n_frames: { expected: `an integer from 0 to ${MOST_FRAMES}`, fits: (value) => isInteger(value, 0) },
  user_id: { expected: 'an integer from -1', fits: (value) => isInteger(value, -1) },
  existing_file: {
    expected: EXISTING_FILE_RULES.join(', '),
    fits: (value) => EXISTING_FILE_RULES.some((rule) => rule === value),
  },
  acquisition: { expected: 'an object of sections', fits: isSections },
  acquisition_id: { expected: 'a text', fits: (value) => typeof value === 'string' },
  stream: { expected: 'ZeroMQ addresses, separated by commas', fits: isAddresses },
  dialect: { expected: DIALECTS.join(', '), fits: (value) => DIALECTS.some((dialect) => dialect === value) },
  format: { expected: LAYOUT_NAMES.join(', '), fits: (value) => LAYOUT_NAMES.some((name) => name === value) },
  compression: {
    expected: COMPRESSIONS.join(', '),
    fits: (value) => COMPRESSIONS.some((name) => name === value),
  },
  extra: { expected: 'an object', fits: isSection },
};

/**
 * Reads the body of POST /configure.
 *
 * @throws InvalidRequestError `invalid_body`, naming everything that is wrong.
 */
export function readParameters(body: JsonObject, defaults: ParameterDefaults): RecorderParameters {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) problems.push(`there is no '${name}'`);
    else if (!field.fits(value))
      problems.push(`'${name}' is ${field.expected}, not ${JSON.stringify(value)}`);
  }
  for (const name of ['output_file', 'n_frames']) {
    if (!Object.hasOwn(body, name)) problems.push(`'${name}' is missing`);
  }
  const streamAddress = typeof body.stream === 'string' ? body.stream : defaults.streamAddress;
  if (streamAddress === null) problems.push("'stream' is missing, and the writer was started without one");
  if (problems.length > 0) {
    throw new InvalidRequestError(
      'invalid_body',
      `The writer cannot be configured with this: ${problems.join('; ')}.`,
      {
        component: 'writer',
        operation: 'configure',
        expected: Object.keys(FIELDS).join(', '),
        actual: problems,
        hint: 'Correct the fields named.',
      },
    );
  }
  return {
    outputFile: body.output_file as string,
    framesExpected: body.n_frames as number,
    userId: (body.user_id as number | undefined) ?? -1,
    existingFile: (body.existing_file as ExistingFile | undefined) ?? defaults.existingFile,
    streamAddress: streamAddress as string,
    dialect: (body.dialect as Dialect | undefined) ?? defaults.dialect,
    format: (body.format as LayoutName | undefined) ?? defaults.format,
    compression: (body.compression as CompressionName | undefined) ?? defaults.compression,
    detector: defaults.detector,
    acquisition: (body.acquisition as Record<string, Section> | undefined) ?? {},
    acquisitionId: (body.acquisition_id as string | undefined) ?? '',
    extra: (body.extra as Section | undefined) ?? {},
  };
}

function isAddresses(value: JsonValue): boolean {
  return typeof value === 'string' && splitAddresses(value).length > 0;
}

function isInteger(value: JsonValue, from: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= MOST_FRAMES;
}

function isSection(value: JsonValue): value is Section {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isSections(value: JsonValue): boolean {
  return isSection(value) && Object.values(value).every(isSection);
}
