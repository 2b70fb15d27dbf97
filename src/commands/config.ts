import type { Answer } from '../api/schemas.js';
import { DiaClient } from '../client/client.js';
import { readInput } from './inputFile.js';
import { sectionsOf } from './keyValues.js';
import type { Output } from './output.js';
import { parseConfig } from './runConfig.js';
import { statusWord } from './runDisplay.js';

interface Options {
  readonly url: string;
}

/** Prints the last config set: what `dia config set` takes. */
export async function getConfigCommand(output: Output, { url }: Options): Promise<undefined> {
  const { config } = await new DiaClient(url).config();
  output.document(config);
  output.line(JSON.stringify(config, null, 2));
  return undefined;
}

/** Sets a whole config from a JSON file, `-` for the standard input. */
export async function setConfigCommand(output: Output, path: string, { url }: Options): Promise<undefined> {
  const config = parseConfig(await readInput(path), path);
  return printAnswer(output, await new DiaClient(url).setConfig(config));
}

/** Changes fields of the last config: from a JSON file, the standard input (`-`), or `section.field=value`. */
export async function updateConfigCommand(
  output: Output,
  changes: readonly string[],
  { url }: Options,
): Promise<undefined> {
  const [only = ''] = changes;
  const sections =
    changes.length === 1 && !only.includes('=')
      ? parseConfig(await readInput(only), only)
      : sectionsOf(changes);
  return printAnswer(output, await new DiaClient(url).updateConfig(sections));
}

/** Applies the last config again. */
export async function reapplyConfigCommand(output: Output, { url }: Options): Promise<undefined> {
  return printAnswer(output, await new DiaClient(url).reapplyConfig());
}

function printAnswer(output: Output, answer: Answer<'config'>): undefined {
  output.document(answer);
  output.line(output.paint('green', statusWord(answer.status)));
  output.line(JSON.stringify(answer.config, null, 2));
  return undefined;
}
