import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '../src/contracts/json.js';
import type { Report } from './report.js';
import type { Serving } from './serving.js';

/** At most so much more memory at the end than in the middle of the acquisitions. */
const MOST_GROWTH = 1.15;
/** A journal that is longer than 1 MiB begins anew with its last line, which is a few KiB a pipeline. */
const LONGEST_JOURNAL_MIB = 1.1;
const MIB = 1024 * 1024;
const METRICS_A_TIME = 5;

/**
 * What an acquisition leaves behind, and what it sends: that may grow with the pipelines, and nothing of it with the number of
 * acquisitions but the log, which is cut at a fixed length.
 */
export async function measureBounds(of: {
  readonly report: Report;
  readonly count: number;
  readonly serving: Serving;
  readonly cycles: number;
  readonly cycle: () => Promise<void>;
}): Promise<void> {
  const { report, count, serving, cycles, cycle } = of;
  const { api } = serving;
  const add = (name: string, unit: string, samples: number[], rest: object = {}) =>
    report.add({ bench: 'scale', name: `${name}, ${count}`, unit, samples, per: `${name}, 1`, ...rest });
  const metrics: string[] = [];
  const metricsMs: number[] = [];
  for (let time = 0; time < METRICS_A_TIME; time++) {
    const beganMs = performance.now();
    metrics.push(await api.text('GET', 'metrics'));
    metricsMs.push(performance.now() - beganMs);
  }
  const state = join(serving.folder, 'data', '.dia');
  const auditBytes = await sizeOf(join(state, 'audit.log'));
  const journalMib: number[] = [];
  const middle: number[] = [];
  const end: number[] = [];
  const before = { ...api.received };
  for (let index = 0; index < cycles; index++) {
    await cycle();
    journalMib.push((await sizeOf(join(state, 'journal.jsonl'))) / MIB);
    const third = Math.floor((index * 3) / cycles);
    if (third > 0) (third === 1 ? middle : end).push(await memoryMib(serving.process.child.pid ?? 0));
  }
  const each = (all: number) => [all / cycles];
  add('metrics', 'ms', metricsMs);
  add(
    'metrics: size',
    'KiB',
    metrics.map((text) => Buffer.byteLength(text) / 1024),
  );
  add(
    'metrics: values',
    '',
    metrics.map((text) => countValues(JSON.parse(text))),
  );
  add('events of an acquisition', '', each(api.received.events - before.events));
  add('events of an acquisition: size', 'KiB', each((api.received.characters - before.characters) / 1024));
  // Cut at 20 MiB, five files kept: over so few acquisitions it never is.
  add(
    'audit.log of an acquisition',
    'KiB',
    each(((await sizeOf(join(state, 'audit.log'))) - auditBytes) / 1024),
  );
  add('journal, at most', 'MiB', [Math.max(...journalMib)], { bar: { atMost: LONGEST_JOURNAL_MIB } });
  add('memory in the middle', 'MiB', middle);
  add('memory at the end', 'MiB', end, {
    per: `memory in the middle, ${count}`,
    bar: { atMost: MOST_GROWTH },
    barOf: 'ratio',
  });
}

const sizeOf = async (path: string) => (await stat(path)).size;

async function memoryMib(pid: number): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

function countValues(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, one) => sum + countValues(one), 0);
}
