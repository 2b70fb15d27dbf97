import { acquisition } from '../test/support/integration.js';
import type { Bench, BenchContext } from './bench.js';
import { ComponentsAlone, exposureMs } from './componentsAlone.js';
import { foreignWriter } from './foreignWriter.js';
import { Serving } from './serving.js';

const PERIOD_S = 0.02;
const CYCLES_A_ROUND = 4;
/** Not measured: everything has to be loaded and warm. */
const WARM_UP_CYCLES = 6;
const SHAPE = '512x1024';

/** What one cycle took; milliseconds, the exposure left out of `dead`. */
interface Cycle {
  readonly configure: number;
  readonly start: number;
  /** From the answer of start to FINISHED, over what was left of the exposure. */
  readonly finish: number;
  readonly reset: number;
  readonly dead: number;
  /** FINISHED after the writer had closed the file. */
  readonly tell: number;
  readonly verify: number;
}

/** Time between two acquisitions, all but the exposure. */
export const deadTime: Bench = {
  name: 'deadTime',
  about: `configure, start, FINISHED, reset of ${SHAPE} at ${1 / PERIOD_S} Hz; the exposure is left out`,
  async run(context) {
    const embedded = await Serving.start({ shape: SHAPE });
    const perRun = await Serving.start({ shape: SHAPE, settings: writerPerRun });
    const alone = await ComponentsAlone.start(SHAPE);
    try {
      const sides = [
        { name: 'long-lived writer', serving: embedded, bar: 25 },
        { name: 'writer process per run', serving: perRun, bar: 120 },
      ];
      const cycles = new Map<string, Cycle[]>();
      for (const { serving } of sides) await oneRound(serving, 1, WARM_UP_CYCLES);
      for (let index = 0; index < WARM_UP_CYCLES; index++) await alone.cycle(`warm${index}.h5`, 1, PERIOD_S);
      const bare = new Map<number, number[]>();
      for (let round = 0; round < context.rounds; round++) {
        for (const { name, serving } of sides) {
          for (const frames of [1, 20]) {
            const key = `${name}, ${counted(frames)}`;
            const taken = await oneRound(serving, frames, CYCLES_A_ROUND);
            cycles.set(key, [...(cycles.get(key) ?? []), ...taken]);
          }
        }
        for (const frames of [1, 20])
          bare.set(frames, [...(bare.get(frames) ?? []), ...(await bareRound(alone, frames))]);
      }
      for (const [frames, samples] of bare) {
        context.report.add({
          bench: 'deadTime',
          name: `components alone, ${counted(frames)}`,
          unit: 'ms',
          samples,
        });
      }
      for (const { name, bar } of sides) {
        for (const [key, taken] of cycles) if (key.startsWith(name)) tell(context, key, taken, bar);
      }
      await reconfigure(context, embedded);
      await foreignWriter(context);
    } finally {
      await embedded.close();
      await perRun.close();
      await alone.close();
    }
  },
};

function tell({ report }: BenchContext, key: string, cycles: readonly Cycle[], bar: number): void {
  const add = (part: keyof Cycle, atMost?: number) =>
    report.add({
      bench: 'deadTime',
      name: part === 'dead' ? key : `${key}: ${part}`,
      ...(part === 'dead' ? { per: key.replace(/^[^,]+/, 'components alone') } : {}),
      unit: 'ms',
      samples: cycles.map((cycle) => cycle[part]),
      ...(atMost === undefined ? {} : { bar: { atMost } }),
    });
  add('dead', bar);
  add('configure');
  add('start');
  add('finish');
  add('reset');
  // Only a service says in its log when it had closed the file.
  if (cycles.every(({ tell: ms }) => Number.isFinite(ms))) add('tell', 10);
  add('verify', 5);
}

/** Nothing but another file name: what is touched besides the writer. */
async function reconfigure({ report, rounds }: BenchContext, serving: Serving): Promise<void> {
  const { api } = serving;
  await api.call('PUT', 'config', acquisition(serving.file('again.h5'), 20, PERIOD_S));
  const before = (await audited(serving)).length;
  const samples: number[] = [];
  for (let round = 0; round < rounds * CYCLES_A_ROUND; round++) {
    const beganMs = performance.now();
    await api.call('POST', 'config', { writer: { output_file: serving.file(`again${round}.h5`) } });
    samples.push(performance.now() - beganMs);
  }
  const calls = (await audited(serving)).slice(before);
  // To be asked for its status changes nothing.
  const elsewhere = calls.filter(
    ({ kind, what }) => kind === 'call' && !what.startsWith('writer.') && !what.endsWith('.status'),
  );
  await api.call('POST', 'reset');
  report.add({ bench: 'deadTime', name: 'only another file name', unit: 'ms', samples });
  report.add({
    bench: 'deadTime',
    name: 'only another file name: commands to others than the writer',
    unit: '',
    samples: [elsewhere.length],
    bar: { atMost: 0 },
  });
}

async function oneRound(serving: Serving, frames: number, count: number): Promise<Cycle[]> {
  const cycles: Cycle[] = [];
  for (let index = 0; index < count; index++) cycles.push(await cycle(serving, frames));
  return cycles;
}

const counted = (frames: number) => `${frames} ${frames === 1 ? 'frame' : 'frames'}`;

async function bareRound(alone: ComponentsAlone, frames: number): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < CYCLES_A_ROUND; index++) {
    const ms = await alone.cycle(`bare${frames}.h5`, frames, PERIOD_S);
    samples.push(ms - exposureMs(frames, PERIOD_S));
  }
  return samples;
}

let fileNumber = 0;

async function cycle(serving: Serving, frames: number): Promise<Cycle> {
  const { api } = serving;
  const exposedMs = exposureMs(frames, PERIOD_S);
  fileNumber += 1;
  const config = acquisition(serving.file(`dead${fileNumber}.h5`), frames, PERIOD_S);
  const beganMs = performance.now();
  await api.call('PUT', 'config', config);
  const configuredMs = performance.now();
  const finished = api.status('FINISHED');
  await api.call('POST', 'start');
  const startedMs = performance.now();
  const finishedMs = await finished;
  const resetBeganMs = performance.now();
  await api.call('POST', 'reset');
  const endedMs = performance.now();
  const verified = (await audited(serving)).findLast(({ what }) => what === 'writer.verify');
  return {
    configure: configuredMs - beganMs,
    start: startedMs - configuredMs,
    finish: finishedMs - startedMs - exposedMs,
    reset: endedMs - resetBeganMs,
    dead: endedMs - beganMs - exposedMs,
    tell: performance.timeOrigin + finishedMs - (await closedAt(serving)),
    verify: verified?.ms ?? Number.NaN,
  };
}

interface Audited {
  readonly kind: string;
  readonly what: string;
  readonly ms: number;
}

async function audited(serving: Serving): Promise<Audited[]> {
  return (await serving.log('audit.log')).map((line) => JSON.parse(line) as Audited);
}

/** When the writer had closed its last file, on the clock of `Date.now`; its log says so. */
async function closedAt(serving: Serving): Promise<number> {
  const line = (await serving.log('log/writer.log')).findLast((one) => one.includes(' info finished: '));
  return line === undefined ? Number.NaN : Date.parse(line.slice(0, line.indexOf(' ')));
}

/** The deployment with `dia writer` for each run instead of a service. */
function writerPerRun(standard: Record<string, unknown>, folder: string): Record<string, unknown> {
  const { services, pipelines } = standard as {
    services: { name: string }[];
    pipelines: Record<string, unknown>[];
  };
  const options = {
    command: 'dia-writer',
    streamAddress: `\${services.backend.frames}`,
    logFolder: `${folder}/data/.dia/log`,
  };
  return {
    pipelines: pipelines.map((pipeline) => ({ ...pipeline, writer: { kind: 'h5-process', options } })),
    services: services.filter(({ name }) => name !== 'writer'),
  };
}
