import { readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';

/** What a figure is held against: `atMost` or `atLeast`, of its median or of its ratio to another figure. */
export interface Bar {
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One thing that was measured several times. */
export interface Figure {
  readonly bench: string;
  readonly name: string;
  readonly unit: string;
  readonly samples: readonly number[];
  /** Name of the figure of the same bench that the ratio is taken to. */
  readonly per?: string;
  readonly bar?: Bar;
  /** What the bar is about; the median unless told. */
  readonly barOf?: 'median' | 'ratio';
}

/** A figure as it is printed and stored. */
export interface Row {
  readonly bench: string;
  readonly name: string;
  readonly unit: string;
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly ratio: number | null;
  readonly bar: string;
  /** Whether the bar was met; null without one. */
  readonly met: boolean | null;
}

/** What a run of the bench comes to: stored as JSON, compared with another. */
export interface Results {
  readonly at: string;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  /** Load of the machine before and after: what else it was doing. */
  readonly load: readonly [number, number];
  readonly rows: readonly Row[];
}

/** Collects what the benches measure. */
export class Report {
  readonly #figures: Figure[] = [];
  readonly #loadBefore = loadavg()[0] ?? 0;

  add(figure: Figure): void {
    this.#figures.push(figure);
  }

  results(): Results {
    const processors = cpus();
    return {
      at: new Date().toISOString(),
      node: process.version,
      processor: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      load: [this.#loadBefore, loadavg()[0] ?? 0],
      rows: this.#figures.map((figure) => this.#row(figure)),
    };
  }

  #row({ bench, name, unit, samples, per, bar, barOf }: Figure): Row {
    const peer = this.#figures.find((other) => other.bench === bench && other.name === per);
    const ratio = peer === undefined ? null : median(samples) / median(peer.samples);
    const judged = barOf === 'ratio' ? ratio : median(samples);
    return {
      bench,
      name,
      unit,
      n: samples.length,
      median: median(samples),
      min: Math.min(...samples),
      max: Math.max(...samples),
      ratio,
      bar: barText(bar, barOf),
      met: bar === undefined || judged === null ? null : fits(judged, bar),
    };
  }
}

/** The middle of the samples; NaN of none. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The sample below which `part` of them lie; NaN of none. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? Number.NaN;
  return low + (high - low) * (place - Math.floor(place));
}

const fits = (value: number, { atMost, atLeast }: Bar) =>
  (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);

function barText(bar: Bar | undefined, barOf: Figure['barOf']): string {
  if (bar === undefined) return '';
  const what = barOf === 'ratio' ? 'x ' : '';
  return bar.atMost === undefined ? `${what}>= ${bar.atLeast}` : `${what}<= ${bar.atMost}`;
}

/** Three digits that count. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The table of a run. */
export function resultsTable({ rows }: Results): string {
  return table(
    ['bench', 'figure', 'n', 'median', 'min', 'max', 'unit', 'ratio', 'bar', ''],
    rows.map((row) => [
      row.bench,
      row.name,
      String(row.n),
      short(row.median),
      short(row.min),
      short(row.max),
      row.unit,
      row.ratio === null ? '' : short(row.ratio),
      row.bar,
      row.met === null ? '' : row.met ? 'met' : 'NOT MET',
    ]),
  );
}

/** The medians of two runs side by side, and how the second relates to the first. */
export function comparisonTable(before: Results, after: Results): string {
  return table(
    ['bench', 'figure', 'before', 'after', 'unit', 'after/before'],
    after.rows.map(({ bench, name, median: now, unit }) => {
      const then = before.rows.find((row) => row.bench === bench && row.name === name)?.median ?? Number.NaN;
      return [bench, name, short(then), short(now), unit, short(now / then)];
    }),
  );
}

/** Reads what a run has stored. */
export async function readResults(path: string): Promise<Results> {
  return JSON.parse(await readFile(path, 'utf8')) as Results;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, head.map(() => ''), ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row, index) =>
      widths
        .map((width, column) => (index === 1 ? '-'.repeat(width) : (row[column] ?? '').padEnd(width)))
        .join(' | '),
    )
    .map((line) => `| ${line} |`)
    .join('\n');
}
