import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError } from '../../../contracts/errors.js';
import type { JsonObject } from '../../../contracts/json.js';
import type { WriterStatistics } from '../../../contracts/writer.js';
import { HttpClient } from '../../transport/http.js';
import { isJsonObject } from '../../transport/jsonObject.js';

/** What the process said of itself. */
export interface WriterWords {
  readonly status: string;
  readonly message: string | null;
  /** Null for what this writer does not count. */
  readonly statistics: Omit<WriterStatistics, 'writtenBytes' | 'frameRateHz'> & {
    readonly writtenBytes: number | null;
    readonly frameRateHz: number | null;
  };
}

/** Asks one process over the REST interface that PSI's writers have. */
export class WriterRest {
  readonly #component: string;
  readonly #http: HttpClient;
  readonly url: string;

  constructor(component: string, restPort: number) {
    this.#component = component;
    this.url = `http://127.0.0.1:${restPort}`;
    this.#http = new HttpClient({ component, url: this.url });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** Sets the parameters of the format; one that it does not declare would cost the acquisition. */
  async setParameters(parameters: JsonObject, options: CallOptions): Promise<void> {
    const operation = 'take its parameters';
    const explain = (statusCode: number, text: string) =>
      new ComponentFailedError(
        'component_refused',
        `${this.#component} refused its parameters: HTTP ${statusCode}: ${text.trim().slice(0, 200)}`,
        {
          component: this.#component,
          operation,
          expected: 'only names that its format declares',
          actual: Object.keys(parameters),
          hint: `Correct the option parameters of ${this.#component} in deployment.yaml.`,
        },
      );
    const request = { method: 'POST', path: '/parameters', body: parameters, operation, explain } as const;
    await this.#http.text(request, options);
  }

  /** Asks it to end the acquisition, or to end at once. */
  async end(how: 'stop' | 'kill', options: CallOptions): Promise<void> {
    await this.#http.text({ method: 'GET', path: `/${how}`, operation: how }, options);
  }

  /** Counts and status in one question. */
  async ask(options: CallOptions): Promise<WriterWords> {
    const operation = 'report its statistics';
    const answer = await this.#http.json({ method: 'GET', path: '/statistics', operation }, options);
    const body = isJsonObject(answer) ? answer : {};
    const count = (field: string) => {
      const value = body[field];
      return typeof value === 'number' && value >= 0 ? value : null;
    };
    const receivedFrames = count('n_received_frames');
    const writtenFrames = count('n_written_frames');
    if (receivedFrames === null || writtenFrames === null || typeof body.status !== 'string') {
      const actual = JSON.stringify(answer).slice(0, 200);
      throw new ComponentFailedError(
        'bad_answer',
        `${this.#component} was asked to ${operation} and answered ${actual}.`,
        {
          component: this.#component,
          operation,
          expected: 'status, n_received_frames and n_written_frames',
          actual,
          hint: `Check that nothing else listens at ${this.url}, and that the writer speaks PSI's protocol.`,
        },
      );
    }
    return {
      status: body.status,
      message: typeof body.error === 'string' ? body.error : null,
      statistics: {
        receivedFrames,
        writtenFrames,
        lostFrames: count('n_lost_frames') ?? 0,
        duplicateFrames: count('n_duplicate_frames') ?? 0,
        expectedFrames: count('total_expected_frames') ?? 0,
        writtenBytes: count('n_written_bytes'),
        frameRateHz: count('frame_rate'),
      },
    };
  }
}
