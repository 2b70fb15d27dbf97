import { once } from 'node:events';
import { runWriter } from './main.js';

/** The arguments of a run, once they come as a line of JSON; null when whoever started us goes away before. */
async function argumentsFromInput(): Promise<string[] | null> {
  let text = '';
  process.stdin.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(process.stdin, 'end');
  return text.endsWith('\n') ? (JSON.parse(text) as string[]) : null;
}

const [first] = process.argv.slice(2);
const argv = first === '--standby' ? await argumentsFromInput() : process.argv.slice(2);
process.exit(argv === null ? 0 : await runWriter(argv));
