import { readFile } from 'node:fs/promises';
import { DiaClient } from '../client/client.js';
import { InvalidRequestError } from '../contracts/errors.js';

/** What the options of the command line say about the server. */
export interface ServerOptions {
  readonly url: string;
  /** File with the token; without it the variable DIA_TOKEN. */
  readonly tokenFile?: string | undefined;
  /** File with certificates to trust. */
  readonly ca?: string | undefined;
}

/**
 * A client of the server that the options name. The token comes from a file or the environment, never from an
 * argument, which everybody on the machine could read.
 *
 * @throws InvalidRequestError when a file cannot be read, or holds no token.
 */
export async function connect({ url, ...files }: ServerOptions): Promise<DiaClient> {
  // An empty variable counts as not set.
  const tokenFile = files.tokenFile || undefined;
  const ca = files.ca || undefined;
  const token = tokenFile === undefined ? process.env.DIA_TOKEN : await read('--token-file', tokenFile);
  const given = token?.trim() || undefined;
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given)) throw noToken(tokenFile ?? 'DIA_TOKEN');
  if (given === undefined && tokenFile !== undefined) throw noToken(tokenFile);
  const trusted = ca === undefined ? undefined : await read('--ca', ca);
  return new DiaClient(url, { token: given, ca: trusted });
}

async function read(option: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: Error) => {
    throw new InvalidRequestError('invalid_path', `The file of ${option} cannot be read: ${cause.message}.`, {
      operation: option,
      expected: 'a readable file',
      actual: file,
      hint: 'Check its name, and that you may read it.',
      cause,
    });
  });
}

function noToken(source: string): InvalidRequestError {
  return new InvalidRequestError('invalid_path', `${source} holds no token.`, {
    operation: 'read the token',
    expected: 'one line with the token and nothing else',
    actual: source,
    hint: '`dia token` makes a token. The file holds it on one line.',
  });
}
