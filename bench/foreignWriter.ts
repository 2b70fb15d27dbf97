import { spawn } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { acquisition } from '../test/support/integration.js';
import type { BenchContext } from './bench.js';
import { median } from './report.js';
import { freePort, Serving } from './serving.js';

const WRITER = fileURLToPath(new URL('../src/writer/program.js', import.meta.url));
const STAMP = new URL('./stamp.js', import.meta.url).href;
const RUNS_A_ROUND = 4;
const LOOK_EVERY_MS = 2;

interface Samples {
  readonly bare: number[];
  readonly bareEnd: number[];
  readonly start: number[];
  readonly told: number[];
}

/**
 * What the controller adds to a writer process that it knows nothing of (a start script): its `start` beside the same
 * process started by hand, and FINISHED after the end of the process. That it notes itself, with the last of its code; what
 * it takes from there until the system says that it is gone is measured by hand as well.
 */
export async function foreignWriter({ report, rounds }: BenchContext): Promise<void> {
  let script = '';
  let stamps = '';
  const serving = await Serving.start({
    shape: '512x1024',
    settings: (standard, folder) => {
      script = join(folder, 'start_writer.sh');
      stamps = join(folder, 'stamps');
      return withScript(standard, { script, logFolder: join(folder, 'log') });
    },
    beforeStart: async () => {
      // The controller has reserved the name.
      const line = `DIA_BENCH_STAMPS=${stamps} exec ${process.execPath} --import ${STAMP} ${WRITER} --existing-file overwrite "$@"`;
      await writeFile(script, `#!/bin/sh\n${line}\n`);
      await chmod(script, 0o755);
    },
  });
  const samples: Samples = { bare: [], bareEnd: [], start: [], told: [] };
  try {
    await oneRun(serving, stamps);
    for (let index = 0; index < rounds * RUNS_A_ROUND; index++) {
      const bare = await byHand(script, { file: serving.file(`bare${index}.h5`), stamps });
      samples.bare.push(bare.ready);
      samples.bareEnd.push(bare.end);
      const { start, told } = await oneRun(serving, stamps);
      samples.start.push(start);
      samples.told.push(told);
    }
  } finally {
    await serving.close();
  }
  const common = { bench: 'deadTime', unit: 'ms' };
  report.add({ ...common, name: 'any writer process: spawn to ready by hand', samples: samples.bare });
  report.add({
    ...common,
    name: 'any writer process: its last code to its exit by hand',
    samples: samples.bareEnd,
  });
  report.add({ ...common, name: 'any writer process: start', samples: samples.start });
  report.add({ ...common, name: 'any writer process: FINISHED after its last code', samples: samples.told });
  const toStart = median(samples.start) - median(samples.bare);
  report.add({
    ...common,
    name: 'any writer process: added to start and to the end',
    samples: [toStart + median(samples.told) - median(samples.bareEnd)],
    bar: { atMost: 15 },
  });
}

let runs = 0;

async function oneRun(serving: Serving, stamps: string): Promise<{ start: number; told: number }> {
  const { api } = serving;
  runs += 1;
  await api.call('PUT', 'config', acquisition(serving.file(`foreign${runs}.h5`), 5, 0.02));
  const finished = api.status('FINISHED');
  const beganMs = performance.now();
  await api.call('POST', 'start');
  const start = performance.now() - beganMs;
  const finishedMs = await finished;
  const told = performance.timeOrigin + finishedMs - (await lastEnd(stamps));
  await api.call('POST', 'reset');
  return { start, told };
}

/** When the last process ran the last of its code, on the clock of `Date.now`. */
async function lastEnd(stamps: string): Promise<number> {
  const last = (await readFile(stamps, 'utf8')).trim().split('\n').at(-1) ?? '{}';
  return (JSON.parse(last) as { ended: number }).ended;
}

/** Starts the writer as the controller does, until it answers; then ends it, until the system says that it is gone. */
async function byHand(
  script: string,
  { file, stamps }: { file: string; stamps: string },
): Promise<{ ready: number; end: number }> {
  const port = await freePort();
  const beganMs = performance.now();
  // Nobody sends on that stream; the writer is ready all the same once it is connected to it.
  const sender = await silentStream();
  const child = spawn(script, [sender.address, file, '5', String(port), '-1'], { stdio: 'ignore' });
  const ended = new Promise<number>((resolve) => {
    child.once('exit', () => resolve(performance.timeOrigin + performance.now()));
  });
  while (!(await ask(port, '/statistics'))) await delay(LOOK_EVERY_MS);
  const ready = performance.now() - beganMs;
  await ask(port, '/kill');
  const endedMs = await ended;
  sender.close();
  return { ready, end: endedMs - (await lastEnd(stamps)) };
}

async function silentStream(): Promise<{ address: string; close: () => void }> {
  const { Push } = await import('zeromq');
  const socket = new Push({ linger: 0 });
  await socket.bind('tcp://127.0.0.1:*');
  return { address: socket.lastEndpoint ?? '', close: () => socket.close() };
}

function ask(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', path, agent: false }, (answer) => {
      answer.resume();
      answer.once('close', () => resolve(answer.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

function withScript(
  standard: Record<string, unknown>,
  { script, logFolder }: { script: string; logFolder: string },
): Record<string, unknown> {
  const { services, pipelines } = standard as {
    services: { name: string }[];
    pipelines: Record<string, unknown>[];
  };
  const options = {
    command: script,
    streamAddress: `\${services.backend.frames}`,
    logFolder,
    extraArguments: [],
  };
  return {
    pipelines: pipelines.map((pipeline) => ({ ...pipeline, writer: { kind: 'h5-process', options } })),
    services: services.filter(({ name }) => name !== 'writer'),
  };
}
