import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_ADDRESS } from '../client/client.js';

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON on stdout, one document a line, and nothing else there');
}

/** Adds `--url`, what is needed to be let in there, and `--json`. */
export function withServer(command: Command): Command {
  const url = new Option('--url <url>', 'address of the server').env('DIA_URL').default(DEFAULT_ADDRESS);
  const tokenFile = new Option(
    '--token-file <file>',
    'file with the token; DIA_TOKEN has the token itself',
  ).env('DIA_TOKEN_FILE');
  const ca = new Option('--ca <file>', 'PEM file with the certificate to trust for https').env('DIA_CA');
  return withJson(command.addOption(url).addOption(tokenFile).addOption(ca));
}

/** Reads a number, as an option's parser. */
export function numberArgument(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('It has to be a number.');
  return value;
}

/** Reads a whole number, as an option's parser. */
export function integerArgument(text: string): number {
  const value = numberArgument(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It has to be a whole number.');
  return value;
}
