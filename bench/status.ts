import { setTimeout as delay } from 'node:timers/promises';
import { acquisition } from '../test/support/integration.js';
import type { Bench } from './bench.js';
import { CountingProxy } from './countingProxy.js';
import type { LoadOutcome } from './load.js';
import { endProgram, firstLine, runProgram, startProgram } from './programs.js';
import { freePort, Serving } from './serving.js';

const POLLERS = [1, 8, 64, 512];
const SECONDS = 2;
/** Long enough for every round. */
const FRAMES = 1_000_000;

/** GET /status while an acquisition goes on, and what it costs the components. */
export const status: Bench = {
  name: 'status',
  about: `GET /api/v1/status while acquiring, ${POLLERS.join(', ')} pollers, and the same Koa with an empty handler`,
  async run({ report, rounds, say }) {
    const ports = { writer: await freePort(), backend: await freePort() };
    const proxies = {
      writer: await CountingProxy.start(ports.writer),
      backend: await CountingProxy.start(ports.backend),
    };
    const serving = await Serving.start({
      shape: '512x1024',
      settings: (standard) => behind(standard, ports, proxies),
    });
    const koa = startProgram('emptyKoa');
    try {
      const peerUrl = await firstLine(koa);
      const ownUrl = `${serving.api.url}/api/v1/status`;
      await serving.api.call('PUT', 'config', acquisition(serving.file('status.h5'), FRAMES, 0.02));
      await serving.api.call('POST', 'start');
      await poll(ownUrl, 8);
      await poll(peerUrl, 8);
      const seen = new Map<string, LoadOutcome[]>();
      const calls: Record<'none' | 'many', number[]> = { none: [], many: [] };
      for (let round = 0; round < rounds; round++) {
        say(`round ${round + 1} of ${rounds}`);
        for (const pollers of POLLERS) {
          for (const [side, url] of [['koa', peerUrl] as const, ['dia', ownUrl] as const]) {
            const key = `${side} ${pollers}`;
            seen.set(key, [...(seen.get(key) ?? []), await poll(url, pollers)]);
          }
        }
        calls.none.push(await callsWhile(proxies, () => delay(SECONDS * 1000)));
        calls.many.push(await callsWhile(proxies, () => poll(ownUrl, 512)));
      }
      for (const pollers of POLLERS) {
        const own = seen.get(`dia ${pollers}`) ?? [];
        const peer = seen.get(`koa ${pollers}`) ?? [];
        const common = { bench: 'status', unit: '1/s' };
        report.add({
          ...common,
          name: `empty Koa, ${pollers}`,
          samples: peer.map(({ perSecond }) => perSecond),
        });
        report.add({
          ...common,
          name: `GET /status, ${pollers}`,
          samples: own.map(({ perSecond }) => perSecond),
          per: `empty Koa, ${pollers}`,
          bar: { atLeast: 0.6 },
          barOf: 'ratio',
        });
        report.add({
          bench: 'status',
          unit: 'ms',
          name: `GET /status, ${pollers}: p99`,
          samples: own.map(({ p99Ms }) => p99Ms),
          ...(pollers === 64 ? { bar: { atMost: 20 } } : {}),
        });
        const refused = own.reduce((sum, one) => sum + one.refused, 0);
        if (refused > 0) say(`${refused} answers of ${pollers} pollers were refusals`);
      }
      const common = { bench: 'status', unit: '1/s' };
      report.add({ ...common, name: 'calls to writer and backend, no poller', samples: calls.none });
      report.add({
        ...common,
        name: 'calls to writer and backend, 512 pollers',
        samples: calls.many,
        per: 'calls to writer and backend, no poller',
        bar: { atMost: 1.05 },
        barOf: 'ratio',
      });
    } finally {
      await endProgram(koa);
      await serving.close();
      for (const proxy of Object.values(proxies)) proxy.close();
    }
  },
};

async function poll(url: string, pollers: number): Promise<LoadOutcome> {
  return JSON.parse(await runProgram('load', [url, String(pollers), String(SECONDS)])) as LoadOutcome;
}

type Sides<T> = Readonly<Record<'writer' | 'backend', T>>;

/** Requests a second that reach the components while `work` goes on. */
async function callsWhile(proxies: Sides<CountingProxy>, work: () => Promise<unknown>): Promise<number> {
  const count = () => proxies.writer.requests + proxies.backend.requests;
  const before = count();
  const beganMs = performance.now();
  await work();
  return (count() - before) / ((performance.now() - beganMs) / 1000);
}

/** The simulation with a proxy before the writer and the backend that counts what they are asked. */
function behind(
  standard: Record<string, unknown>,
  ports: Sides<number>,
  proxies: Sides<CountingProxy>,
): Record<string, unknown> {
  const { services, pipelines } = standard as {
    services: { name: string; args: string[] }[];
    pipelines: Record<string, unknown>[];
  };
  const portOf = (name: string) => Object.entries(ports).find(([side]) => side === name)?.[1];
  return {
    services: services.map((service) => {
      const port = portOf(service.name);
      return port === undefined
        ? service
        : { ...service, args: [...service.args, '--http-port', String(port)] };
    }),
    pipelines: pipelines.map((pipeline) => ({
      ...pipeline,
      backend: { kind: 'psi', options: { url: proxies.backend.url } },
      writer: { kind: 'h5-service', options: { url: proxies.writer.url } },
    })),
  };
}
