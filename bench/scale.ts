import { setMaxListeners } from 'node:events';
import { get } from 'node:http';
import { createBackend, createDetector, createWriter } from '../src/adapters/registry.js';
import type { Backend } from '../src/contracts/backend.js';
import type { CallOptions } from '../src/contracts/component.js';
import type { Detector } from '../src/contracts/detector.js';
import type { Writer } from '../src/contracts/writer.js';
import { acquisition } from '../test/support/integration.js';
import type { Bench } from './bench.js';
import { processorMs } from './processorTime.js';
import { endProgram, firstLine, startProgram } from './programs.js';
import { median } from './report.js';
import { measureBounds } from './scaleBounds.js';
import { Serving } from './serving.js';

const PIPELINES = [1, 4, 16, 64];
const CYCLES_A_ROUND = 2;
const WARM_UP_CYCLES = 3;
/** After the times: what must not grow with them is measured over so many. */
const MORE_CYCLES = 30;
const STEPS = ['configure', 'start', 'reset', 'status_details'] as const;

type Times = Record<(typeof STEPS)[number], number[]>;

const noTimes = (): Times => ({ configure: [], start: [], reset: [], status_details: [] });

/** How the time of commands grows with the number of pipelines. */
export const scale: Bench = {
  name: 'scale',
  about: `${PIPELINES.join(', ')} pipelines of light components; and the same calls to them without a controller`,
  async run({ report, rounds, say }) {
    const sides: Side[] = [];
    try {
      for (const count of PIPELINES) sides.push(await Side.start(count));
      for (const side of sides) for (let index = 0; index < WARM_UP_CYCLES; index++) await side.warmUp();
      for (let round = 0; round < rounds; round++) {
        say(`round ${round + 1} of ${rounds}`);
        for (const side of sides) {
          for (let index = 0; index < CYCLES_A_ROUND; index++) await side.round();
        }
      }
      for (const { count, serving, cycle } of sides) {
        say(`${MORE_CYCLES} more acquisitions of ${count}`);
        await measureBounds({ report, count, serving, cycles: MORE_CYCLES, cycle });
      }
      for (const { count, ended: samples } of sides) {
        const name = 'FINISHED after the end of the exposure';
        report.add({ bench: 'scale', name: `${name}, ${count}`, unit: 'ms', samples, per: `${name}, 1` });
      }
      const [one] = sides;
      for (const step of STEPS) {
        for (const { count, own, bare, used } of sides) {
          const name = `${step}, ${count}`;
          report.add({ bench: 'scale', name: `${name}: components alone`, unit: 'ms', samples: bare[step] });
          report.add({ bench: 'scale', name, unit: 'ms', samples: own[step], per: `${step}, 1` });
          report.add({
            bench: 'scale',
            name: `${name}: processor time of the components`,
            unit: 'ms',
            samples: used[step],
          });
          if (one === undefined || count !== PIPELINES.at(-1)) continue;
          report.add({
            bench: 'scale',
            name: `${name}: over 1 pipeline, what the components need left out`,
            unit: 'x',
            samples: [(median(own[step]) - median(bare[step])) / median(one.own[step])],
            bar: { atMost: 2 },
          });
          report.add({
            bench: 'scale',
            name: `${name}: over 1 pipeline, only the processor time of the components left out`,
            unit: 'x',
            samples: [(median(own[step]) - median(used[step])) / median(one.own[step])],
            bar: { atMost: 2 },
          });
        }
      }
    } finally {
      for (const side of sides) await side.close();
    }
  },
};

/** A controller with so many pipelines, and the components of as many others that are called without one. */
class Side {
  readonly own = noTimes();
  readonly bare = noTimes();
  /** Processor time of the components, while the controller was timed. */
  readonly used = noTimes();
  /** From the end of the exposure of all detectors, and all frames written, to FINISHED. */
  readonly ended: number[] = [];

  private constructor(
    readonly count: number,
    readonly serving: Serving,
    private readonly components: Components,
    private readonly direct: Direct,
  ) {}

  static async start(count: number): Promise<Side> {
    const components = await Components.start(count);
    const direct = await Direct.start(count);
    const serving = await Serving.start({ shape: '1x1', settings: () => deployment(count, components) });
    return new Side(count, serving, components, direct);
  }

  async warmUp(): Promise<void> {
    await this.direct.cycle(noTimes());
    await this.cycle();
  }

  async round(): Promise<void> {
    await this.direct.cycle(this.bare);
    await this.cycle(this.own, this.used, this.ended);
  }

  /** One acquisition by the controller. */
  readonly cycle = async (own = noTimes(), used = noTimes(), ended: number[] = []): Promise<void> => {
    const { api } = this.serving;
    const config = acquisition(this.serving.file('scale.h5'), 1);
    const step = async (name: keyof Times, work: () => Promise<unknown>) => {
      const before = await processorMs([this.components.pid]);
      own[name].push(await timed(work));
      used[name].push((await processorMs([this.components.pid])) - before);
    };
    await step('configure', () => api.call('PUT', 'config', config));
    await step('status_details', () => api.call('GET', 'status_details'));
    const finished = api.status('FINISHED');
    await step('start', () => api.call('POST', 'start'));
    const endedMs = performance.now();
    await this.components.finish();
    ended.push((await finished) - endedMs);
    await step('reset', () => api.call('POST', 'reset'));
  };

  async close(): Promise<void> {
    await this.serving.close();
    await this.direct.close();
    await this.components.close();
  }
}

/** The process that plays the components. */
class Components {
  private constructor(
    readonly detector: string,
    readonly http: string,
    private readonly program: ReturnType<typeof startProgram>,
  ) {}

  static async start(count: number): Promise<Components> {
    const program = startProgram('lightComponents', ['--pipelines', String(count)]);
    const { detector, http } = JSON.parse(await firstLine(program)) as { detector: string; http: string };
    return new Components(detector, http, program);
  }

  get pid(): number {
    return this.program.pid ?? 0;
  }

  /** Ends the exposure of all. */
  finish(): Promise<void> {
    return new Promise((resolve, reject) => {
      get(`${this.http}/finish`, (answer) => answer.resume().once('end', () => resolve())).once(
        'error',
        reject,
      );
    });
  }

  close(): Promise<void> {
    return endProgram(this.program);
  }
}

interface Trio {
  readonly detector: Detector;
  readonly backend: Backend;
  readonly writer: Writer;
}

/** The calls of a controller, in its order, by its adapters, and nothing else. */
class Direct {
  private constructor(
    private readonly components: Components,
    private readonly trios: readonly Trio[],
  ) {}

  static async start(count: number): Promise<Direct> {
    const components = await Components.start(count);
    const trios = Array.from({ length: count }, (_, index) => ({
      detector: createDetector('simulated', 'detector', { endpoint: components.detector }),
      backend: createBackend('psi', 'backend', { url: `${components.http}/b/${index}` }),
      writer: createWriter('h5-service', 'writer', { url: `${components.http}/w/${index}` }),
    }));
    for (const trio of trios) for (const one of Object.values(trio)) await one.connect();
    return new Direct(components, trios);
  }

  async cycle(times: Times): Promise<void> {
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const options: CallOptions = { signal, timeoutMs: 20_000 };
    const all = (work: (trio: Trio) => Promise<unknown>) => Promise.all(this.trios.map(work));
    const { writer, backend, detector } = acquisition('/tmp/scale.h5', 1);
    const parameters = {
      outputFile: writer.output_file,
      frames: 1,
      userId: 0,
      existingFile: 'number',
      extra: {},
      acquisition: { writer, backend, detector },
      acquisitionId: 'none',
    } as const;
    times.configure.push(
      await timed(() =>
        all((trio) =>
          Promise.all([
            trio.detector.configure(detector, options),
            trio.backend.configure(backend, options),
            trio.writer.configure(parameters, options),
          ]),
        ),
      ),
    );
    times.status_details.push(
      await timed(() =>
        all((trio) =>
          Promise.all([
            trio.detector.status(options),
            trio.backend.status(options),
            trio.writer.report(options),
          ]),
        ),
      ),
    );
    times.start.push(
      await timed(async () => {
        await all((trio) => Promise.all([trio.writer.start(options), trio.backend.open(options)]));
        await all((trio) => trio.detector.start(options));
      }),
    );
    await this.components.finish();
    times.reset.push(
      await timed(async () => {
        const backends = async () => {
          await all((trio) => trio.backend.close(options));
          await all((trio) => trio.backend.reset(options));
        };
        await Promise.all([
          all((trio) => trio.detector.stop(options)),
          backends(),
          all((trio) => trio.writer.reset(options)),
        ]);
      }),
    );
  }

  async close(): Promise<void> {
    for (const trio of this.trios) for (const one of Object.values(trio)) await one.disconnect();
    await this.components.close();
  }
}

function deployment(count: number, { detector, http }: Components): Record<string, unknown> {
  return {
    services: [],
    fileRules: [{ section: 'writer', field: 'output_file', append: `.\${pipeline}`, before: '.h5' }],
    pipelines: Array.from({ length: count }, (_, index) => ({
      name: `p${index}`,
      detector: { kind: 'simulated', options: { endpoint: detector } },
      backend: { kind: 'psi', options: { url: `${http}/b/${index}` } },
      writer: { kind: 'h5-service', options: { url: `${http}/w/${index}` } },
    })),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}
