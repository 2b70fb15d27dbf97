import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeDeployment } from '../test/support/integration.js';
import { DIA } from '../test/support/programPath.js';
import type { Bench } from './bench.js';
import { freePort, Serving } from './serving.js';

const KOA = fileURLToPath(new URL('./emptyKoa.js', import.meta.url));
const LOOK_EVERY_MS = 2;
const LONGEST_WAIT_MS = 20_000;
const SETTLE_MS = 2_000;
const IDLE_MS = 5_000;
/** Of /proc; the same on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/** From exec to the first answer, and what a controller costs that has nothing to do. */
export const coldStart: Bench = {
  name: 'coldStart',
  about:
    'dia serve with one pipeline, its services running already: first answer, memory, processor time while idle',
  async run({ report, rounds }) {
    const services = await Serving.start({ shape: '512x1024' });
    const folder = await mkdtemp(join(tmpdir(), 'dia-bench-cold-'));
    try {
      await writeDeployment(folder, await withoutServices(services));
      const samples = { bare: [] as number[], koa: [] as number[], answer: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        samples.bare.push(await untilEnd(['-e', '0']));
        samples.koa.push((await untilAnswer([KOA], { port: await freePort() })).ms);
        samples.answer.push((await untilAnswer(serveArguments(folder), { port: await freePort() })).ms);
      }
      const idle = await idleCost(folder);
      const common = { bench: 'coldStart' };
      report.add({ ...common, name: 'node -e 0', unit: 'ms', samples: samples.bare });
      report.add({ ...common, name: 'empty Koa answers', unit: 'ms', samples: samples.koa });
      report.add({
        ...common,
        name: 'dia serve answers',
        unit: 'ms',
        samples: samples.answer,
        per: 'empty Koa answers',
        bar: { atMost: 500 },
      });
      report.add({ ...common, name: 'idle: memory', unit: 'MiB', samples: [idle.mib], bar: { atMost: 120 } });
      report.add({
        ...common,
        name: 'idle: share of a core',
        unit: '%',
        samples: [idle.percent],
        bar: { atMost: 2 },
      });
    } finally {
      await services.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** A deployment of the components that another controller has launched. */
async function withoutServices({ api }: Serving): Promise<Record<string, unknown>> {
  const { server_info: info } = await api.call('GET', 'info');
  const { clients } = info as { clients: Record<string, string> };
  return {
    name: 'cold',
    pipelines: [
      {
        name: 'main',
        detector: { kind: 'simulated', options: { endpoint: clients.detector } },
        backend: { kind: 'psi', options: { url: clients.backend } },
        writer: { kind: 'h5-service', options: { url: clients.writer } },
      },
    ],
  };
}

const serveArguments = (folder: string) => [
  DIA,
  'serve',
  folder,
  '--data-dir',
  join(folder, 'data'),
  '--json',
];

async function untilEnd(args: readonly string[]): Promise<number> {
  const beganMs = performance.now();
  await once(spawn(process.execPath, [...args], { stdio: 'ignore' }), 'exit');
  return performance.now() - beganMs;
}

/** Starts a program, looks for its first answer, does `work` and ends the program. */
async function untilAnswer(
  args: readonly string[],
  { port, work }: { port: number; work?: (pid: number) => Promise<void> },
): Promise<{ ms: number }> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, [...args, '--port', String(port)], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() - beganMs > LONGEST_WAIT_MS) {
      throw new Error(`${args[0]} does not answer (exit code ${child.exitCode}).`);
    }
    await delay(LOOK_EVERY_MS);
  }
  const ms = performance.now() - beganMs;
  await work?.(child.pid ?? 0);
  child.kill('SIGTERM');
  await ended;
  return { ms };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get({ port, host: '127.0.0.1', path: '/api/v1/status', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once('error', () => resolve(false));
  });
}

async function idleCost(folder: string): Promise<{ mib: number; percent: number }> {
  const cost = { mib: 0, percent: 0 };
  await untilAnswer(serveArguments(folder), {
    port: await freePort(),
    work: async (pid) => {
      await delay(SETTLE_MS);
      const before = await ticks(pid);
      await delay(IDLE_MS);
      cost.percent = (((await ticks(pid)) - before) / TICKS_PER_S / (IDLE_MS / 1000)) * 100;
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      cost.mib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    },
  });
  return cost;
}

/** Processor time of a process and its threads, in ticks. */
async function ticks(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
