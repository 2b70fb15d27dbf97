import { isAbsolute } from 'node:path';
import { ComponentFailedError, InvalidRequestError } from '../../contracts/errors.js';
import type { JsonValue } from '../../contracts/json.js';
import type { WriterStatistics } from '../../contracts/writer.js';

/** Nothing counted yet. */
export const NO_STATISTICS: WriterStatistics = {
  receivedFrames: 0,
  writtenFrames: 0,
  lostFrames: 0,
  duplicateFrames: 0,
  expectedFrames: 0,
  writtenBytes: 0,
  frameRateHz: 0,
};

/** @throws InvalidRequestError `invalid_path` when the output file is no absolute path. */
export function checkOutputFile(component: string, outputFile: string): void {
  if (isAbsolute(outputFile) && !outputFile.includes('\0')) return;
  throw new InvalidRequestError('invalid_path', `${component} cannot write output_file '${outputFile}'.`, {
    component,
    operation: 'check output_file',
    expected: 'an absolute path',
    actual: outputFile,
    hint: 'Give output_file an absolute path, or a name in the data folder.',
  });
}

/** The error of a writer that is not where a call needs it to be. */
export function wrongState(
  component: string,
  operation: string,
  { expected, actual }: { expected: string; actual: string },
): ComponentFailedError {
  return new ComponentFailedError(
    'component_wrong_state',
    `${component} cannot ${operation}: it is ${actual}, expected ${expected}.`,
    {
      component,
      operation,
      expected,
      actual,
      hint: 'Reset, so that the controller and the writer agree again.',
    },
  );
}

/** The error of a writer that answered something else than its protocol says. */
export function badAnswer(
  { component, address }: { component: string; address: string },
  operation: string,
  { expected, answer }: { expected: string; answer: JsonValue },
): ComponentFailedError {
  const actual = JSON.stringify(answer).slice(0, 200);
  return new ComponentFailedError(
    'bad_answer',
    `${component} was asked to ${operation} and answered ${actual}, expected ${expected}.`,
    {
      component,
      operation,
      expected,
      actual,
      hint: `Check that ${address} is the ${component} and not another service.`,
    },
  );
}

/** The error of a writer that said no, in its own words. */
export function refused(component: string, operation: string, words: string): ComponentFailedError {
  return new ComponentFailedError('component_refused', `${component} refused to ${operation}: ${words}`, {
    component,
    operation,
    expected: 'ok',
    actual: words,
    hint: `Correct what the ${component} complains of, or reset and try again.`,
  });
}
