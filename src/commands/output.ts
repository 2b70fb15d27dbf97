import type { JsonValue } from '../contracts/json.js';

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export type Style = keyof typeof STYLES;

/** What is written to: the process's own streams, or others in tests. */
export interface OutputStreams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

const CLEAR_LINE = '\r\x1b[K';
const DEFAULT_COLUMNS = 80;

/**
 * What a command says: results on stdout, problems on stderr. With `json` stdout has JSON documents, a line
 * each, and nothing else.
 */
export class Output {
  readonly json: boolean;
  readonly #streams: OutputStreams;
  readonly #closed = new AbortController();
  #liveLine = false;

  constructor(json: boolean, streams: OutputStreams = process) {
    this.json = json;
    this.#streams = streams;
    // Who reads may go away at any time (`dia status --watch | head -1`); that is no failure of ours.
    streams.stdout.on('error', () => this.#closed.abort());
    streams.stderr.on('error', () => undefined);
  }

  /** Aborts when nobody reads stdout any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether a line can be written over and over; never with `json`. */
  get isLive(): boolean {
    return !this.json && Boolean(this.#streams.stdout.isTTY) && this.#streams.env.TERM !== 'dumb';
  }

  get columns(): number {
    return this.#streams.stdout.columns || DEFAULT_COLUMNS;
  }

  /** A line for people on stdout; nothing with `json`. */
  line(text: string): void {
    if (this.json) return;
    this.#endLive();
    this.#write(`${text}\n`);
  }

  /** A JSON document on stdout, on one line; nothing without `json`. */
  document(value: JsonValue | object): void {
    if (this.json) this.#write(`${JSON.stringify(value)}\n`);
  }

  /** Writes over the last live line; only where `isLive`. */
  live(text: string): void {
    if (!this.isLive) return;
    this.#liveLine = true;
    this.#write(`${CLEAR_LINE}${text}`);
  }

  /** A line for people on stderr, with `json` as well. */
  problem(text: string): void {
    this.#endLive();
    this.#streams.stderr.write(`${text}\n`);
  }

  /** Colours a text for stdout, where it is a terminal and NO_COLOR is not set. */
  paint(style: Style, text: string): string {
    return this.#paintFor(this.#streams.stdout, style, text);
  }

  /** Colours a text for stderr. */
  paintProblem(style: Style, text: string): string {
    return this.#paintFor(this.#streams.stderr, style, text);
  }

  #paintFor(stream: NodeJS.WriteStream, style: Style, text: string): string {
    const { NO_COLOR, TERM } = this.#streams.env;
    // Source: https://no-color.org, any value but the empty one counts.
    return stream.isTTY && !NO_COLOR && TERM !== 'dumb' ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  }

  #endLive(): void {
    if (!this.#liveLine) return;
    this.#liveLine = false;
    this.#write('\n');
  }

  #write(text: string): void {
    if (!this.#closed.signal.aborted) this.#streams.stdout.write(text);
  }
}
