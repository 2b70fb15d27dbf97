import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PsiBackendAdapter } from '../../src/adapters/backend/psiBackend.js';
import { SimulatedDetectorAdapter } from '../../src/adapters/detector/simulatedDetector.js';
import { SimulatedTriggerAdapter } from '../../src/adapters/trigger/simulatedTrigger.js';
import { H5ServiceAdapter } from '../../src/adapters/writer/h5Service.js';
import type { Writer } from '../../src/contracts/writer.js';
import { until, within } from './calls.js';
import { FakeBroker } from './fakeBroker.js';
import type { FaultProxy } from './faultProxy.js';
import { HttpFaultProxy } from './faultProxyHttp.js';
import { ZmqFaultProxy } from './faultProxyZmq.js';
import { boot, type TestIntegration } from './integration.js';
import { ServiceProcess } from './serviceProcess.js';

export const ROLES = ['detector', 'backend', 'writer', 'trigger', 'auxiliary'] as const;

export type Role = (typeof ROLES)[number];

/** One component of the integration, its proxy, and the ways round the proxy. */
export interface ProxiedComponent {
  /** As it stands in errors. */
  readonly name: string;
  readonly proxy: FaultProxy;
  /** Its own word, asked beside the proxy. */
  state(): Promise<string>;
  /** Ends it at once, as a crash would. */
  kill(): void;
  /** Starts it again, at the same addresses, when it was killed. */
  revive(): Promise<void>;
}

/** An integration of all roles, each behind a fault proxy. */
export interface FaultyIntegration {
  readonly dia: TestIntegration;
  readonly broker: () => FakeBroker;
  readonly components: Readonly<Record<Role, ProxiedComponent>>;
  /** Longest times for commands. */
  readonly deadlines: typeof DEADLINES;
  close(): Promise<void>;
}

/** Longest times for commands. */
const DEADLINES = { configureTimeoutMs: 5_000, startTimeoutMs: 5_000, stopTimeoutMs: 5_000 };

/** Times that a healthy component keeps in any case. */
const HEALTHY = { callTimeoutMs: 5_000, statusTimeoutMs: 5_000, lostAfterMs: 5_000 };

/** Times of the component that is to be broken, so that a cell of the matrix takes about half a second. */
const BROKEN = { callTimeoutMs: 600, statusTimeoutMs: 400, lostAfterMs: 250 };

/** For the others: how long lies are waited out, and a writer for frames that do not come. */
const WAITS = { settleTimeoutMs: 800, drainTimeoutMs: 2_500 };

/** A component comes back by itself after so long, which is longer than any command or run waits for it. */
const RETURNS_MS = 2_000;

/** Starting the components takes about so long where nothing else runs. */
const QUIET_START_MS = 1_000;
const MOST_PATIENCE = 8;

const times = <T extends Readonly<Record<string, number>>>(all: T, factor: number): T =>
  Object.fromEntries(Object.entries(all).map(([name, ms]) => [name, Math.round(ms * factor)])) as T;

/** All times, longer by the patience that a busy machine needs. */
function limitsWith(broken: Role, patience: number) {
  return {
    ...times({ ...DEADLINES, ...HEALTHY, ...WAITS }, patience),
    roles: { [broken]: times(BROKEN, patience) },
    pollRunningMs: 80,
    pollIdleMs: 400,
  };
}

const BSREAD = {
  type: 'object',
  required: ['output_file', 'user_id'],
  properties: { output_file: { type: 'string' }, user_id: { type: 'integer' } },
};

/** Boots components, proxies and the controller; `broken` is the role whose faults are to be noticed soon. */
export async function bootFaulty(broken: Role): Promise<FaultyIntegration> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    return { ...(await bootAll(closing, broken)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function bootAll(
  closing: (() => Promise<unknown>)[],
  broken: Role,
): Promise<Omit<FaultyIntegration, 'close'>> {
  const startedAt = performance.now();
  const [detector, timing] = await Promise.all([
    program('simulation/detector', ['--shape', '8x16'], {
      control: '--control-port',
      frames: '--frames-port',
    }),
    // A timing system of its own, so that it can die alone; the detector's timing is auto.
    program('simulation/detector', ['--shape', '8x16'], {
      control: '--control-port',
      frames: '--frames-port',
    }),
  ]);
  closing.push(detector.stop, timing.stop);
  const backend = await program('simulation/backend', ['--frames-from', detector.endpoint('frames')], {
    http: '--http-port',
    frames: '--frames-port',
  });
  closing.push(backend.stop);
  const writer = await program('writer/program', ['--service', '--stream', backend.endpoint('frames')], {
    http: '--http-port',
  });
  closing.push(writer.stop);
  const direct = {
    detector: new SimulatedDetectorAdapter({
      name: 'the detector itself',
      options: { endpoint: detector.endpoint('control') },
    }),
    trigger: new SimulatedTriggerAdapter({
      name: 'the trigger itself',
      options: { endpoint: timing.endpoint('control'), periodS: 0.01 },
    }),
    backend: new PsiBackendAdapter({
      name: 'the backend itself',
      options: { url: backend.endpoint('http') },
    }),
    writer: new H5ServiceAdapter({ name: 'the writer itself', options: { url: writer.endpoint('http') } }),
  };
  for (const adapter of Object.values(direct)) {
    await adapter.connect();
    closing.push(() => adapter.disconnect());
  }
  await warmUp(direct.writer);
  let broker = await FakeBroker.open();
  closing.push(async () => broker.http.close());

  const proxies = {
    detector: await ZmqFaultProxy.open(detector.endpoint('control')),
    trigger: await ZmqFaultProxy.open(timing.endpoint('control')),
    backend: await HttpFaultProxy.open(backend.endpoint('http')),
    writer: await HttpFaultProxy.open(writer.endpoint('http')),
    auxiliary: await HttpFaultProxy.open(broker.http.url),
  };
  const tookMs = performance.now() - startedAt;
  const patience = Math.min(MOST_PATIENCE, Math.max(1, tookMs / QUIET_START_MS));
  for (const proxy of Object.values(proxies)) {
    proxy.returnsMs = RETURNS_MS * patience;
    closing.push(() => proxy.close());
  }
  const dia = await boot({
    sections: { bsread: BSREAD },
    settings: {
      pipelines: [
        {
          name: 'main',
          detector: { kind: 'simulated', options: { endpoint: proxies.detector.endpoint } },
          backend: { kind: 'psi', options: { url: proxies.backend.url } },
          writer: { kind: 'h5-service', options: { url: proxies.writer.url } },
        },
      ],
      auxiliaryWriters: [{ name: 'bsread', kind: 'broker', options: { url: proxies.auxiliary.url } }],
      trigger: { kind: 'simulated', options: { endpoint: proxies.trigger.endpoint } },
      limits: limitsWith(broken, patience),
      services: [],
    },
  });
  closing.push(() => dia.close());

  const { kill: killBroker, revive: reviveBroker } = {
    kill: () => broker.http.close(),
    revive: async () => {
      broker = await FakeBroker.open();
      proxies.auxiliary.upstream = broker.http.url;
    },
  };
  return {
    dia,
    deadlines: times(DEADLINES, patience),
    broker: () => broker,
    components: {
      detector: {
        ...{ name: 'detector', proxy: proxies.detector, kill: detector.kill },
        revive: async () => {
          await detector.revive();
          await untilFramesFlow(direct.detector);
        },
        state: () => direct.detector.status(within()),
      },
      trigger: {
        ...{ name: 'trigger', proxy: proxies.trigger, kill: timing.kill, revive: timing.revive },
        state: () => direct.trigger.status(within()),
      },
      backend: {
        ...{ name: 'backend', proxy: proxies.backend, kill: backend.kill, revive: backend.revive },
        state: () => direct.backend.status(within()),
      },
      writer: {
        ...{ name: 'writer', proxy: proxies.writer, kill: writer.kill },
        revive: async () => {
          await writer.revive();
          await warmUp(direct.writer);
        },
        state: async () => (await direct.writer.report(within())).status,
      },
      auxiliary: {
        ...{ name: 'bsread', proxy: proxies.auxiliary, kill: killBroker, revive: reviveBroker },
        state: async () => (broker.parameters === null ? 'stopped' : 'configured'),
      },
    },
  };
}

/** A writer takes far longer for its first file than for all others. */
async function warmUp(writer: Writer): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dia-warm-up-'));
  const outputFile = join(folder, 'warm-up.h5');
  const unimportant = { userId: 0, extra: {}, acquisition: {}, acquisitionId: 'none' };
  await writer.configure({ outputFile, frames: 1, existingFile: 'overwrite', ...unimportant }, within());
  await writer.start(within(30_000));
  await writer.reset(within());
  await rm(folder, { recursive: true });
}

/** A detector that was started again drops its frames until the backend has found it. */
async function untilFramesFlow(detector: SimulatedDetectorAdapter): Promise<void> {
  await detector.configure({ frames: 1, period: 0.01 }, within());
  await until(
    async () => {
      await detector.start(within());
      return until(
        () => detector.metrics(within()),
        ({ state }) => state === 'idle',
      );
    },
    ({ frames_sent: sent }) => sent === 1,
  );
}

/** A program that can be killed and started again at the same ports. */
async function program(path: string, args: readonly string[], portOptions: Readonly<Record<string, string>>) {
  let process = await ServiceProcess.start(path, args);
  const ports = Object.entries(portOptions).flatMap(([name, option]) => [
    option,
    process.endpoint(name).split(':').at(-1) ?? '',
  ]);
  return {
    endpoint: (name: string) => process.endpoint(name),
    kill: () => process.signal('SIGKILL'),
    revive: async () => {
      await process.ended();
      process = await ServiceProcess.start(path, [...args, ...ports]);
    },
    stop: () => process.stop(),
  };
}
