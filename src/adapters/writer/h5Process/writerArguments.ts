import { isAbsolute } from 'node:path';
import { InvalidRequestError } from '../../../contracts/errors.js';
import type { JsonValue } from '../../../contracts/json.js';

/** What stands on a writer's command line. */
export interface WriterCommandLine {
  readonly streamAddress: string;
  /** Absolute. */
  readonly outputFile: string;
  /** 0: until stopped. */
  readonly frames: number;
  readonly restPort: number;
  /** -1: the writer's own user. */
  readonly userId: number;
  readonly extraArguments: readonly string[];
}

/** Several for receivers that send parts of an image. */
const STREAM_ADDRESS = /^(tcp|ipc):\/\/[A-Za-z0-9._\-/:[\]*@]+(,(tcp|ipc):\/\/[A-Za-z0-9._\-/:[\]*@]+)*$/;
// The C++ writer makes the file's folder with a shell. Narrower than what the data roots allow: nothing that any
// shell expands, anywhere in a word.
const OUTPUT_FILE = /^\/[\p{L}\p{M}\p{N}._\-/+=,@:%]+$/u;
const PRINTABLE = /^[^\p{C}]+$/u;
const LARGEST = 2 ** 31 - 1;

/**
 * The arguments of PSI's writers: stream address, file, frames, port, user id, then whatever else the deployment adds.
 * Each is checked; nothing unchecked ever gets on the command line.
 *
 * @throws InvalidRequestError `invalid_path` for the file, `invalid_config` for anything else.
 */
export function writerArguments(line: WriterCommandLine, component: string): string[] {
  const { streamAddress, outputFile, frames, restPort, userId, extraArguments } = line;
  const check = (fits: boolean, name: string, facts: { expected: string; actual: JsonValue }) => {
    if (fits) return;
    const code = name === 'output_file' ? 'invalid_path' : 'invalid_config';
    throw new InvalidRequestError(
      code,
      `${component} cannot be started with ${name} ${JSON.stringify(facts.actual)}.`,
      {
        component,
        operation: `check ${name}`,
        ...facts,
        hint: `Give ${name} as expected; the writer may hand it to a shell.`,
      },
    );
  };
  check(STREAM_ADDRESS.test(streamAddress), 'the stream address', {
    expected: 'tcp://host:port or ipc://path',
    actual: streamAddress,
  });
  const plain =
    isAbsolute(outputFile) && OUTPUT_FILE.test(outputFile) && !outputFile.split('/').includes('..');
  check(plain, 'output_file', {
    expected: 'an absolute path of letters, digits and . _ - / + = , @ : %',
    actual: outputFile,
  });
  const isInteger = (value: number, from: number, to: number) =>
    Number.isInteger(value) && value >= from && value <= to;
  check(isInteger(frames, 0, LARGEST), 'n_frames', { expected: `0 to ${LARGEST}`, actual: frames });
  check(isInteger(restPort, 1, 65_535), 'the port', { expected: '1 to 65535', actual: restPort });
  check(isInteger(userId, -1, LARGEST), 'user_id', { expected: `-1 to ${LARGEST}`, actual: userId });
  for (const argument of extraArguments) {
    check(PRINTABLE.test(argument), 'an extra argument', {
      expected: 'printable characters',
      actual: argument,
    });
  }
  return [streamAddress, outputFile, String(frames), String(restPort), String(userId), ...extraArguments];
}

/** Of the writer section's fields, those that the format declares. */
export function declaredParameters(
  extra: Readonly<Record<string, JsonValue>>,
  declared: readonly string[],
): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(extra).filter(([name]) => declared.includes(name)));
}
