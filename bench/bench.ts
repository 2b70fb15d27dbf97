import type { Report } from './report.js';

/** One bench: starts what it needs, measures, ends it again. */
export interface Bench {
  readonly name: string;
  /** What it measures, in a line. */
  readonly about: string;
  run(context: BenchContext): Promise<void>;
}

/** What a bench is given. */
export interface BenchContext {
  readonly report: Report;
  /** How many rounds each measurement takes. */
  readonly rounds: number;
  /** Says what is going on. */
  readonly say: (text: string) => void;
}
