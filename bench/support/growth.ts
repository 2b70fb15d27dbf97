/** Everything measured at one time, by name. */
export interface Sample {
  /** Acquisitions so far. */
  readonly acquisitions: number;
  readonly values: Readonly<Record<string, number>>;
}

/** How one thing developed. */
export interface Growth {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly highest: number;
  /** Per 1000 acquisitions, after the warm-up. */
  readonly slope: number;
  /** The steepest slope that is no growth. */
  readonly allowed: number;
  readonly grows: boolean;
}

/** A service loads code and fills its caches first: the first third says nothing about growth. */
const WARM_UP = 1 / 3;

/**
 * How everything that was sampled developed.
 *
 * What swings, as memory between two garbage collections does, may show a slope in a short run: it only counts as growth
 * when what came of it is larger than `noise`, and when it goes on in both halves of the time: what rises once, as the memory
 * for the longest queue so far does, and stays there is no growth.
 *
 * @param limits - Per thing (the end of its name): the slope allowed per 1000 acquisitions, and the rise that is noise.
 */
export function growths(
  samples: readonly Sample[],
  limits: readonly { readonly suffix: string; readonly slope: number; readonly noise: number }[],
): Growth[] {
  const settled = samples.slice(Math.floor(samples.length * WARM_UP));
  return Object.keys(samples[0]?.values ?? {}).map((name) => {
    const values = samples.map((sample) => sample.values[name] ?? 0);
    const limit = limits.find(({ suffix }) => name.endsWith(suffix));
    const slopeOf = (part: readonly Sample[]) =>
      1000 * leastSquares(part.map((one) => [one.acquisitions, one.values[name] ?? 0]));
    const slope = slopeOf(settled);
    const middle = Math.floor(settled.length / 2);
    const lowest = Math.min(slope, slopeOf(settled.slice(0, middle)), slopeOf(settled.slice(middle)));
    const range = (settled.at(-1)?.acquisitions ?? 0) - (settled[0]?.acquisitions ?? 0);
    const allowed = limit?.slope ?? Number.POSITIVE_INFINITY;
    return {
      name,
      first: values[0] ?? 0,
      last: values.at(-1) ?? 0,
      highest: Math.max(...values),
      slope,
      allowed,
      grows: lowest > allowed && (slope * range) / 1000 > (limit?.noise ?? 0),
    };
  });
}

/** The slope of the straight line that fits points best. */
function leastSquares(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const together = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return spread === 0 ? 0 : together / spread;
}

/** A table for people. */
export function growthTable(rows: readonly Growth[]): string {
  const cells = [
    ['', 'first', 'last', 'highest', 'slope per 1000', 'allowed', ''],
    ...rows.map(({ name, first, last, highest, slope, allowed, grows }) => [
      name,
      ...[first, last, highest, slope].map((value) => value.toFixed(value >= 1000 ? 0 : 2)),
      Number.isFinite(allowed) ? String(allowed) : '-',
      grows ? 'GROWS' : 'ok',
    ]),
  ];
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
