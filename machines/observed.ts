/** What is remembered of one component of a run. */
interface Observed {
  readonly status: string;
  readonly writtenFrames: number;
  readonly expectedFrames: number;
}

/** The components of one role in a run. */
export type ObservedByName = Readonly<Record<string, Observed>>;

/** What a component said of itself. */
export interface Seen {
  readonly component: string;
  readonly status: string;
  readonly writtenFrames?: number;
  readonly expectedFrames?: number;
}

/** Words of a detector that does not expose. */
export const IDLE = ['idle', 'finished', 'stopped'];
/** Words of a writer that writes no more. */
export const ENDED = ['finished', 'stopped'];

/** Components of which nothing is known yet, but how many frames are `expected` of them. */
export const unseen = (
  names: readonly string[],
  expected: Readonly<Record<string, number>> = {},
): ObservedByName =>
  Object.fromEntries(
    names.map((name) => [name, { status: 'unknown', writtenFrames: 0, expectedFrames: expected[name] ?? 0 }]),
  );

/** Whether every component said one of `words`. */
export const all = (observed: ObservedByName, words: readonly string[]): boolean =>
  Object.values(observed).every(({ status }) => words.includes(status));

/** Whether no component of the role takes part. */
export const isEmpty = (observed: ObservedByName): boolean => Object.keys(observed).length === 0;

/** What is known after a component has spoken; the same when it has no part in the run. */
export function observe(known: ObservedByName, seen: Seen): ObservedByName {
  const before = known[seen.component];
  if (!before) return known;
  const now: Observed = {
    status: seen.status,
    // A component that was restarted has forgotten what it did; the run has not.
    writtenFrames: Math.max(seen.writtenFrames ?? 0, before.writtenFrames),
    expectedFrames: Math.max(seen.expectedFrames ?? 0, before.expectedFrames),
  };
  return { ...known, [seen.component]: now };
}
