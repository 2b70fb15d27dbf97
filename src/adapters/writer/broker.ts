import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import type { JsonObject } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import {
  WRITER_STATUSES,
  type Writer,
  type WriterParameters,
  type WriterReport,
} from '../../contracts/writer.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { HttpClient, type HttpRequest } from '../transport/http.js';
import { isJsonObject } from '../transport/jsonObject.js';
import { NamesForOthers } from './nameForOthers.js';
import { badAnswer, checkOutputFile, NO_STATISTICS, refused, wrongState } from './remoteWriterChecks.js';

/** Options of the writer kind `broker`. */
export const brokerOptions = Type.Object(
  {
    url: Type.String({
      description: 'Where the broker serves its REST interface: `http://host:port`.',
      pattern: '^https?://.+$',
    }),
    sharedDisk: Type.Boolean({
      description:
        "Whether the broker's files are seen under the same path from here. Then the rule for existing files is applied; otherwise it overwrites.",
      default: true,
    }),
  },
  { additionalProperties: false },
);

/**
 * The broker for beam-synchronous data. It always runs: with its parameters it is armed, and the timing system tells it
 * at which pulses to begin and to end. So `start` asks nothing of it, unless a stop has taken its parameters away.
 */
export class BrokerAdapter implements Writer {
  readonly #name: string;
  readonly #names: NamesForOthers;
  readonly #http: HttpClient;
  #parameters: WriterParameters | null = null;
  #file: string | null = null;
  readonly address: string;
  readonly counts = 'never';

  constructor({ name, options }: AdapterSettings<Static<typeof brokerOptions>>) {
    this.#name = name;
    this.#names = new NamesForOthers(options.sharedDisk);
    this.address = options.url;
    this.#http = new HttpClient({ component: name, url: options.url.replace(/\/+$/, '') });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  disconnect(): Promise<void> {
    return this.#http.close();
  }

  async configure(parameters: WriterParameters, options: CallOptions): Promise<void> {
    checkOutputFile(this.#name, parameters.outputFile);
    options.signal.throwIfAborted();
    this.#file = await this.#armAnew(parameters, options);
    this.#parameters = parameters;
  }

  async start(options: CallOptions): Promise<{ file: string | null }> {
    const parameters = this.#parameters;
    if (parameters === null) {
      throw wrongState(this.#name, 'start', { expected: 'configured', actual: 'not configured' });
    }
    if ((await this.#word(options)) === 'stopped') {
      this.#file = await this.#armAnew(parameters, options);
    }
    await this.#names.keep();
    return { file: this.#file };
  }

  async stop(options: CallOptions): Promise<void> {
    await this.#ask({ method: 'GET', path: '/stop', operation: 'stop' }, options);
    await this.#names.giveBack();
  }

  async reset(options: CallOptions): Promise<void> {
    await this.stop(options);
    this.#parameters = null;
    this.#file = null;
  }

  /** Stops the session: the broker's own `/kill` ends the broker, for everybody, and nobody would start it again. */
  kill(options: CallOptions): Promise<void> {
    return this.stop(options);
  }

  async report(options: CallOptions): Promise<WriterReport> {
    const word = await this.#word(options);
    const status = WRITER_STATUSES.find((known) => known === word);
    if (status === undefined) {
      throw badAnswer({ component: this.#name, address: this.address }, 'report its status', {
        expected: `status, one of ${WRITER_STATUSES.join(', ')}`,
        answer: word,
      });
    }
    // It counts write requests, not frames.
    return { status, file: this.#file, statistics: NO_STATISTICS, error: null };
  }

  async #armAnew(parameters: WriterParameters, options: CallOptions): Promise<string> {
    const file = await this.#names.choose(parameters);
    try {
      await this.#arm(parameters, file, options);
      return file;
    } catch (error) {
      await this.#names.giveBack();
      throw error;
    }
  }

  async #word(options: CallOptions): Promise<string> {
    const answer = await this.#ask(
      { method: 'GET', path: '/status', operation: 'report its status' },
      options,
    );
    return String(answer.status);
  }

  async #arm({ extra, userId }: WriterParameters, file: string, options: CallOptions): Promise<void> {
    const body = { ...extra, output_file: file, user_id: userId };
    await this.#ask({ method: 'POST', path: '/parameters', body, operation: 'take its parameters' }, options);
  }

  /** Errors come with HTTP 200, as `{"state": "error", "status": why}`. */
  async #ask(request: HttpRequest, options: CallOptions): Promise<JsonObject> {
    const answer = await this.#http.json(request, options);
    const { operation } = request;
    if (isJsonObject(answer) && typeof answer.status === 'string') {
      if (answer.state === 'ok') return answer;
      if (answer.state === 'error') throw refused(this.#name, operation, answer.status);
    }
    const expected = 'state ok with a status';
    throw badAnswer({ component: this.#name, address: this.address }, operation, { expected, answer });
  }
}
