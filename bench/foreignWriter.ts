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
  readonly start: number[];
  readonly told: number[];
}

/**
 * What the controller adds to a writer process that it knows nothing of (a start script): its `start` beside the same
 * process started by hand, and FINISHED after the end of the process, which notes that itself.
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
  const samples: Samples = { bare: [], start: [], told: [] };
  try {
    await oneRun(serving, stamps);
    for (let index = 0; index < rounds * RUNS_A_ROUND; index++) {
      samples.bare.push(await untilReady(script, serving.file(`bare${index}.h5`)));
      const { start, told } = await oneRun(serving, stamps);
      samples.start.push(start);
      samples.told.push(told);
    }
  } finally {
    await serving.close();
  }
  const common = { bench: 'deadTime', unit: 'ms' };
  report.add({ ...common, name: 'any writer process: spawn to ready by hand', samples: samples.bare });
  report.add({ ...common, name: 'any writer process: start', samples: samples.start });
  report.add({
    ...common,
    name: 'any writer process: added to start and to the end',
    samples: [median(samples.start) - median(samples.bare) + median(samples.told)],
    bar: { atMost: 15 },
  });
  report.add({ ...common, name: 'any writer process: FINISHED after its exit', samples: samples.told });
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
  const last = (await readFile(stamps, 'utf8')).trim().split('\n').at(-1) ?? '{}';
  await api.call('POST', 'reset');
  return { start, told: performance.timeOrigin + finishedMs - (JSON.parse(last) as { ended: number }).ended };
}

/** Starts the writer as the controller does, until it answers; then ends it. */
async function untilReady(script: string, file: string): Promise<number> {
  const port = await freePort();
  const beganMs = performance.now();
  // Nobody sends on that stream; the writer is ready all the same once it is connected to it.
  const sender = await silentStream();
  const child = spawn(script, [sender.address, file, '5', String(port), '-1'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!(await ask(port, '/statistics'))) await delay(LOOK_EVERY_MS);
  const ms = performance.now() - beganMs;
  await ask(port, '/kill');
  await ended;
  sender.close();
  return ms;
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
