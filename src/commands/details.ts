import { isRecord } from '../client/clientError.js';
import { connect, type ServerOptions } from './connect.js';
import type { Output } from './output.js';

/** Prints every component's word for its state, asked live; in capitals, as all states are printed. */
export async function detailsCommand(output: Output, options: ServerOptions): Promise<undefined> {
  const answer = await (await connect(options)).statusDetails();
  output.document(answer);
  const rows = flatten(answer.details);
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  for (const [name, word] of rows) output.line(`${name.padEnd(width)}  ${word.toUpperCase()}`);
  return undefined;
}

/** With several pipelines the components stand inside their pipeline: `pipeline.role`. */
function flatten(details: Record<string, unknown>, prefix = ''): [name: string, word: string][] {
  return Object.entries(details).flatMap(([name, value]): [string, string][] =>
    isRecord(value)
      ? flatten(value, `${prefix}${name}.`)
      : [[prefix + name, typeof value === 'string' ? value : JSON.stringify(value)]],
  );
}
