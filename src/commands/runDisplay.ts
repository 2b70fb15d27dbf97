import { isRecord } from '../client/clientError.js';
import type { Output } from './output.js';
import { type ProgressView, progressLine, progressStep, progressText } from './progressLine.js';

/**
 * Shows a run as its events come: one line that is written over on a terminal, plain lines at every tenth
 * elsewhere, JSON lines with `--json`.
 */
export class RunDisplay {
  readonly #output: Output;
  readonly #documents: boolean;
  /** By writer: several pipelines report each on their own. */
  readonly #counts = new Map<string, ProgressView>();
  #state = '';
  #step = 0;

  /** @param options - `documents`: false where somebody else writes the JSON lines. */
  constructor(output: Output, options: { readonly documents?: boolean } = {}) {
    this.#output = output;
    this.#documents = options.documents ?? true;
  }

  /** The sum over all writers. */
  get view(): ProgressView {
    const counts = [...this.#counts.values()];
    const sum = (pick: (one: ProgressView) => number) => counts.reduce((all, one) => all + pick(one), 0);
    return {
      writtenFrames: sum((one) => one.writtenFrames),
      expectedFrames: sum((one) => one.expectedFrames),
      lostFrames: sum((one) => one.lostFrames),
      rateHz: sum((one) => one.rateHz),
    };
  }

  /** A status as on the wire, and what is under way. */
  state(status: string, transition: string | null): void {
    const word = statusWord(status);
    const text = (transition ?? word).toUpperCase();
    if (text === this.#state) return;
    this.#state = text;
    if (this.#documents) this.#output.document({ type: 'state', status, transition });
    if (this.#output.isLive) this.#drawLine();
    else this.#output.line(text);
  }

  /** The fields of a `progress` event, or of `progress` in a status. */
  progress(data: Record<string, unknown>): void {
    const component = typeof data.component === 'string' ? data.component : '';
    this.#counts.set(component, progressView(data));
    if (this.#documents) this.#output.document({ type: 'progress', ...data });
    if (this.#output.isLive) {
      this.#drawLine();
      return;
    }
    const step = progressStep(this.view);
    if (step <= this.#step) return;
    this.#step = step;
    this.#output.line(progressText(this.view));
  }

  /** Something that is wrong, though the run goes on. */
  problem(text: string): void {
    this.#output.problem(text);
  }

  #drawLine(): void {
    this.#output.live(progressLine(this.view, { columns: this.#output.columns, state: this.#state }));
  }
}

/** A status of the wire as people say it. */
export function statusWord(status: string): string {
  return status.replace(/^IntegrationStatus\./, '');
}

/** Reads counts in the names of the wire; what is missing counts as 0. */
export function progressView(data: unknown): ProgressView {
  const fields: Record<string, unknown> = isRecord(data) ? data : {};
  const number = (name: string) => {
    const value = fields[name];
    return typeof value === 'number' ? value : 0;
  };
  return {
    writtenFrames: number('written_frames'),
    expectedFrames: number('expected_frames'),
    lostFrames: number('lost_frames'),
    rateHz: number('frame_rate_hz'),
  };
}
