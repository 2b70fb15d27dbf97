import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { InvalidRequestError } from '../contracts/errors.js';

/**
 * Reads a text file; `-` is the standard input.
 *
 * @throws InvalidRequestError `not_found` when it cannot be read.
 */
export async function readInput(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidRequestError('not_found', `Cannot read ${path}: ${why}.`, {
      operation: 'read a file',
      expected: 'a readable file, or - for the standard input',
      actual: path,
      hint: 'Check the path and its permissions.',
      cause: error,
    });
  }
}
