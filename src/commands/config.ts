import type { Answer } from '../api/schemas.js';
import { connect, type ServerOptions } from './connect.js';
import { readInput } from './inputFile.js';
import { sectionsOf } from './keyValues.js';
import type { Output } from './output.js';
import { parseConfig } from './runConfig.js';
import { statusWord } from './runDisplay.js';

/** Prints the last config set: what `dia config set` takes. */
export async function getConfigCommand(output: Output, options: ServerOptions): Promise<undefined> {
  const { config } = await (await connect(options)).config();
  output.document(config);
  output.line(JSON.stringify(config, null, 2));
  return undefined;
}

/** Sets a whole config from a JSON file, `-` for the standard input. */
export async function setConfigCommand(
  output: Output,
  path: string,
  options: ServerOptions,
): Promise<undefined> {
  const config = parseConfig(await readInput(path), path);
  return printAnswer(output, await (await connect(options)).setConfig(config));
}

/** Changes fields of the last config: from a JSON file, the standard input (`-`), or `section.field=value`. */
export async function updateConfigCommand(
  output: Output,
  changes: readonly string[],
  options: ServerOptions,
): Promise<undefined> {
  const [only = ''] = changes;
  const sections =
    changes.length === 1 && !only.includes('=')
      ? parseConfig(await readInput(only), only)
      : sectionsOf(changes);
  return printAnswer(output, await (await connect(options)).updateConfig(sections));
}

/** Applies the last config again. */
export async function reapplyConfigCommand(output: Output, options: ServerOptions): Promise<undefined> {
  return printAnswer(output, await (await connect(options)).reapplyConfig());
}

function printAnswer(output: Output, answer: Answer<'config'>): undefined {
  output.document(answer);
  output.line(output.paint('green', statusWord(answer.status)));
  output.line(JSON.stringify(answer.config, null, 2));
  return undefined;
}
