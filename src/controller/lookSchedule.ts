/** Looks follow a change that is due this soon at first, and then ever more slowly. */
const FIRST_STEP_MS = 1.5;
/** A change that is late by t is looked for every t / 4: it is noticed at most a quarter later than it came. */
const STEPS_IN_LATENESS = 4;
/** While a change is overdue for less than this, it is looked for at least every `LONGEST_STEP_MS`. */
const SOON_MS = 2_000;
const LONGEST_STEP_MS = 8;

/** When to look at a component next: at the times it is expected to change, soon after them, and else at its pace. */
export class LookSchedule {
  #atMs: readonly number[] = [];
  readonly #shortestStepMs: number;

  /** No step is shorter than `shortestStepMs`, but the one to the time of an expected change. */
  constructor(shortestStepMs = 0) {
    this.#shortestStepMs = shortestStepMs;
  }

  /** Takes the times, on the clock of `performance.now`, in place of those before. */
  expect(atMs: readonly number[]): void {
    this.#atMs = [...atMs].sort((one, other) => one - other);
  }

  get isEmpty(): boolean {
    return this.#atMs.length === 0;
  }

  /** Milliseconds to the next look; not more than `pollMs` where that is possible. */
  nextLookMs(pollMs: number, nowMs = performance.now()): number {
    const due = this.#atMs.findLast((atMs) => atMs <= nowMs);
    const next = this.#atMs.find((atMs) => atMs > nowMs);
    const lateMs = due === undefined ? Number.POSITIVE_INFINITY : nowMs - due;
    const longestMs = lateMs < SOON_MS ? Math.min(LONGEST_STEP_MS, pollMs) : pollMs;
    const soonMs = Math.min(Math.max(FIRST_STEP_MS, lateMs / STEPS_IN_LATENESS), longestMs);
    const stepMs = Math.max(soonMs, this.#shortestStepMs);
    return next === undefined ? stepMs : Math.min(stepMs, next - nowMs);
  }
}
