import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DiaClient } from '../src/client/client.js';
import { DIA } from '../test/support/programPath.js';
import { endProgram, firstLine } from './programs.js';
import { growths, growthTable, type Sample } from './support/growth.js';
import { bytesOf, filesIn, processesWith, processFacts } from './support/processFacts.js';

const USAGE = `Runs the simulation as a service, takes acquisitions and polls, and says whether anything grows.

  --minutes <number>   how long, 60 by default
  --rate <number>      acquisitions per second at most, 2 by default
  --frames <number>    frames of each acquisition, 5 by default
  --samples <number>   how often everything is measured, 240 times by default
  --json <file>        JSON file for the result, data/endurance.json by default
`;

/** What counts as growth per 1000 acquisitions, and what a run may swing by without growing. */
const LIMITS = [
  { suffix: ' RSS MiB', slope: 1, noise: 12 },
  { suffix: ' handles', slope: 0.5, noise: 2 },
  { suffix: ' sockets', slope: 0.5, noise: 2 },
  { suffix: ' threads', slope: 0.5, noise: 1 },
  { suffix: 'processes', slope: 0.1, noise: 0.5 },
  // These grow up to a bound, and begin anew.
  { suffix: 'journal KiB', slope: 64, noise: 1100 },
  { suffix: 'state files', slope: 0.5, noise: 12 },
];

interface Settings {
  readonly minutes: number;
  readonly rateHz: number;
  readonly frames: number;
  readonly samples: number;
  readonly output: string;
}

/** A `dia serve simulation` of its own. */
interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly stateFolder: string;
}

async function main(): Promise<number> {
  const settings = readSettings(process.argv.slice(2));
  if (settings === null) {
    process.stdout.write(USAGE);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), 'dia-endurance-'));
  const server = await startServer(folder);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  try {
    return await report(settings, await endure(server, settings, interrupted.signal));
  } finally {
    await endProgram(server.child);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prints the table and the verdict, stores both; answers the exit code. */
async function report(settings: Settings, { samples, failures }: Endured): Promise<number> {
  const rows = growths(samples, LIMITS);
  const grows = rows.filter((row) => row.grows).map(({ name }) => name);
  const count = `${samples.at(-1)?.acquisitions ?? 0} acquisitions (${failures.length} of them failed)`;
  const verdict =
    grows.length === 0
      ? `PASSED: nothing grows in ${count}`
      : `FAILED: in ${count} these grow: ${grows.join(', ')}`;
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  process.stdout.write(`\n${growthTable(rows)}\n\n${verdict}\n`);
  await mkdir(dirname(settings.output), { recursive: true });
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
  const result = { settings, machine, verdict, failures, rows, samples };
  await writeFile(settings.output, `${JSON.stringify(result, null, 1)}\n`);
  return grows.length === 0 ? 0 : 1;
}

function readSettings(argv: string[]): Settings | null {
  const { values } = parseArgs({
    args: argv,
    options: {
      minutes: { type: 'string', default: '60' },
      rate: { type: 'string', default: '2' },
      frames: { type: 'string', default: '5' },
      samples: { type: 'string', default: '240' },
      json: { type: 'string', default: 'data/endurance.json' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const positive = (name: 'minutes' | 'rate' | 'frames' | 'samples') => {
    const number = Number(values[name]);
    if (number > 0) return number;
    throw new Error(`--${name} must be a number above 0, not ${JSON.stringify(values[name])}.`);
  };
  return {
    minutes: positive('minutes'),
    rateHz: positive('rate'),
    frames: Math.ceil(positive('frames')),
    samples: Math.ceil(positive('samples')),
    output: resolve(values.json),
  };
}

async function startServer(folder: string): Promise<Server> {
  const args = [
    DIA,
    'serve',
    'simulation',
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--data-dir',
    folder,
    '--json',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const { url } = JSON.parse((await firstLine(child)) || '{}') as { url?: string };
  if (url === undefined) throw new Error('dia serve did not start; try `dia serve simulation --port 0`.');
  return { child, url, stateFolder: join(folder, '.dia') };
}

/** What came of it all. */
interface Endured {
  readonly samples: readonly Sample[];
  /** Acquisitions that failed, with their time: on a busy machine a component may be silent for too long. */
  readonly failures: readonly string[];
}

/** Takes acquisitions and polls until the time is over; one that fails is noted, and the next one taken. */
async function endure(server: Server, settings: Settings, interrupted: AbortSignal): Promise<Endured> {
  const untilMs = performance.now() + settings.minutes * 60_000;
  const everyMs = (settings.minutes * 60_000) / settings.samples;
  const polling = new AbortController();
  const polls = poll(server.url, polling.signal);
  const client = new DiaClient(server.url);
  const samples = [await sample(server, 0)];
  const failures: string[] = [];
  let nextSampleMs = performance.now() + everyMs;
  let acquisitions = 0;
  try {
    while (performance.now() < untilMs && !interrupted.aborted) {
      const nextMs = performance.now() + 1000 / settings.rateHz;
      await acquireOnce(client, settings.frames).catch(async (error: Error) => {
        failures.push(`${new Date().toISOString()} ${error.message}`);
        // Throws when the server itself is gone: then there is nothing to measure.
        await client.kill();
      });
      acquisitions += 1;
      if (performance.now() >= nextSampleMs) {
        samples.push(await sample(server, acquisitions));
        nextSampleMs += everyMs;
        progress(samples.length, acquisitions);
      }
      const restMs = nextMs - performance.now();
      if (restMs > 0) await pause(restMs, undefined, { signal: interrupted }).catch(() => undefined);
    }
    samples.push(await sample(server, acquisitions));
    return { samples, failures };
  } finally {
    polling.abort();
    process.stdout.write(`polled ${await polls} times\n`);
  }
}

async function acquireOnce(client: DiaClient, frames: number): Promise<void> {
  const { file } = await client.start({
    sections: {
      writer: { output_file: 'endurance_{run:06d}.h5', n_frames: frames, user_id: 0 },
      backend: { bit_depth: 16, n_frames: frames },
      detector: { period: 0.005, frames, exptime: 0.0025, dr: 16 },
    },
  });
  await client.waitForStatus('FINISHED');
  await client.reset();
  // Its file was verified by the server already.
  if (typeof file === 'string') await rm(file);
}

/** Asks for everything that clients ask for, as panels and scripts do; answers how often. */
async function poll(url: string, signal: AbortSignal): Promise<number> {
  const client = new DiaClient(url);
  let asked = 0;
  const all = () => [client.metrics(), client.controlPanel(), client.serverInfo()];
  while (!signal.aborted) {
    // Who only looks does not mind when a component is silent.
    await Promise.allSettled([
      client.status(),
      ...(asked % 5 === 0 ? [client.statusDetails()] : []),
      ...(asked % 20 === 0 ? all() : []),
    ]);
    asked += 1;
    await pause(200, undefined, { signal }).catch(() => undefined);
  }
  return asked;
}

async function sample({ child, stateFolder }: Server, acquisitions: number): Promise<Sample> {
  const services = JSON.parse(await readFile(join(stateFolder, 'services.json'), 'utf8')) as Record<
    string,
    number
  >;
  const values: Record<string, number> = {};
  for (const [name, pid] of Object.entries({ controller: child.pid ?? 0, ...services })) {
    const { rssMiB, handles, sockets, threads } = await processFacts(pid);
    values[`${name} RSS MiB`] = rssMiB;
    values[`${name} handles`] = handles;
    values[`${name} sockets`] = sockets;
    values[`${name} threads`] = threads;
  }
  const kib = async (...names: string[]) => {
    const sizes = await Promise.all(names.map((name) => bytesOf(join(stateFolder, name))));
    return sizes.reduce((sum, size) => sum + size, 0) / 1024;
  };
  return {
    acquisitions,
    values: {
      ...values,
      'launched processes': await processesWith(stateFolder),
      'journal KiB': await kib('journal.jsonl'),
      'logs KiB': await kib('dia.log', 'audit.log', 'access.log', 'log'),
      'state files': await filesIn(stateFolder),
    },
  };
}

function progress(samples: number, acquisitions: number): void {
  if (samples % 10 === 0) process.stdout.write(`${samples} samples, ${acquisitions} acquisitions\n`);
}

process.exitCode = await main();
