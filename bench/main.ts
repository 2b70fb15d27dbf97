import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.js';
import { comparisonTable, Report, readResults, resultsTable } from './report.js';

/** Every bench, in the order they run; each is loaded only when it runs. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  status: async () => (await import('./status.js')).status,
  deadTime: async () => (await import('./deadTime.js')).deadTime,
  scale: async () => (await import('./scale.js')).scale,
  coldStart: async () => (await import('./coldStart.js')).coldStart,
  writePath: async () => (await import('./writePath.js')).writePath,
  journal: async () => (await import('./journal.js')).journal,
};

const USAGE = `npm run bench                        all benches
npm run bench -- ${Object.keys(BENCHES).join(' | ')}
npm run bench -- --compare before.json after.json

--rounds <n>   rounds of each measurement (5)
--json <file>  where the results are stored (data/bench/<time>.json)
`;

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      compare: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.compare) return await compare(positionals);
  const unknown = positionals.find((name) => !Object.hasOwn(BENCHES, name));
  const rounds = Number(values.rounds);
  if (unknown !== undefined || !Number.isSafeInteger(rounds) || rounds < 1) {
    process.stderr.write(
      `${unknown === undefined ? '--rounds' : `'${unknown}'`} makes no sense here.\n\n${USAGE}`,
    );
    return 2;
  }
  return await measure(positionals.length > 0 ? positionals : Object.keys(BENCHES), rounds, values.json);
}

async function measure(names: readonly string[], rounds: number, json: string | undefined): Promise<number> {
  const report = new Report();
  let failed = false;
  for (const name of names) {
    const bench = await BENCHES[name]?.();
    if (bench === undefined) continue;
    const say = (text: string) => process.stderr.write(`${bench.name}: ${text}\n`);
    say(bench.about);
    try {
      await bench.run({ report, rounds, say });
    } catch (error) {
      failed = true;
      say(`failed: ${error instanceof Error ? error.stack : error}`);
    }
  }
  const results = report.results();
  process.stdout.write(`${resultsTable(results)}\n`);
  const path = resolve(json ?? `data/bench/${results.at.replaceAll(/[:.]/g, '-')}.json`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(
    `\n${results.processor}, ${results.cores} cores, Node ${results.node}; load of the machine ${results.load
      .map((load) => load.toFixed(1))
      .join(' before, ')} after; stored in ${path}\n`,
  );
  return failed ? 1 : 0;
}

async function compare([before, after]: readonly string[]): Promise<number> {
  if (before === undefined || after === undefined) {
    process.stderr.write(`--compare takes two files.\n\n${USAGE}`);
    return 2;
  }
  process.stdout.write(`${comparisonTable(await readResults(before), await readResults(after))}\n`);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
