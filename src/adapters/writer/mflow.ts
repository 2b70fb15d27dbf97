import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import type { JsonObject } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { Writer, WriterParameters, WriterReport, WriterStatistics } from '../../contracts/writer.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { HttpClient, type HttpRequest } from '../transport/http.js';
import { isJsonObject } from '../transport/jsonObject.js';
import { NamesForOthers } from './nameForOthers.js';
import { badAnswer, checkOutputFile, NO_STATISTICS, refused, wrongState } from './remoteWriterChecks.js';

/** Options of the writer kind `mflow`. */
export const mflowOptions = Type.Object(
  {
    url: Type.String({
      description: 'Where the node serves its REST interface, without `/api/v1`: `http://host:port`.',
      pattern: '^https?://.+$',
    }),
    instance: Type.String({
      description: 'Name of the instance, as in `/api/v1/<instance>`.',
      pattern: '^[A-Za-z0-9_.-]+$',
    }),
    parameters: Type.Array(Type.String({ minLength: 1 }), {
      description:
        "Names of the writer section that the node's processor knows; no others are sent. Times and sizes pass as they are.",
      default: ['output_file'],
    }),
    sharedDisk: Type.Boolean({
      description:
        "Whether the node's files are seen under the same path from here. Then the rule for existing files is applied; otherwise the node overwrites.",
      default: true,
    }),
  },
  { additionalProperties: false },
);

/**
 * A writer that is an mflow node: `PUT` starts it, `DELETE` stops it, its processor takes what `POST /parameters` brings.
 * It runs until it is stopped; whether all frames came is told by its file.
 */
export class MflowAdapter implements Writer {
  readonly #name: string;
  readonly #names: NamesForOthers;
  readonly #options: Static<typeof mflowOptions>;
  readonly #http: HttpClient;
  #parameters: WriterParameters | null = null;
  #configured = false;
  #file: string | null = null;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof mflowOptions>>) {
    this.#name = name;
    this.#options = options;
    this.#names = new NamesForOthers(options.sharedDisk);
    this.address = `${options.url.replace(/\/+$/, '')}/api/v1/${options.instance}`;
    this.#http = new HttpClient({ component: name, url: this.address });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  disconnect(): Promise<void> {
    return this.#http.close();
  }

  async configure(parameters: WriterParameters, options: CallOptions): Promise<void> {
    checkOutputFile(this.#name, parameters.outputFile);
    // It would take new parameters in the middle of a file.
    if (await this.#runs(options))
      throw wrongState(this.#name, 'configure', { expected: 'stopped', actual: 'running' });
    await this.#setParameters(parameters, parameters.outputFile, options);
    this.#parameters = parameters;
    this.#configured = true;
    this.#file = null;
  }

  async start(options: CallOptions): Promise<{ file: string | null }> {
    const parameters = this.#parameters;
    if (parameters === null) {
      throw wrongState(this.#name, 'start', { expected: 'configured', actual: 'not configured' });
    }
    options.signal.throwIfAborted();
    const file = await this.#names.choose(parameters);
    try {
      if (file !== parameters.outputFile) await this.#setParameters(parameters, file, options);
      await this.#ask({ method: 'PUT', path: '/', operation: 'start' }, options);
    } catch (error) {
      await this.#names.giveBack();
      throw error;
    }
    await this.#names.keep();
    this.#configured = false;
    this.#file = file;
    return { file };
  }

  async stop(options: CallOptions): Promise<void> {
    if (await this.#runs(options))
      await this.#ask({ method: 'DELETE', path: '/', operation: 'stop' }, options);
    this.#configured = false;
  }

  async reset(options: CallOptions): Promise<void> {
    await this.stop(options);
    this.#parameters = null;
    this.#file = null;
  }

  /** Ends the run; the node itself stays, because nobody would start it again. */
  kill(options: CallOptions): Promise<void> {
    return this.stop(options);
  }

  async report(options: CallOptions): Promise<WriterReport> {
    const runs = await this.#runs(options);
    const statistics = this.#file === null ? this.#nothingCounted() : await this.#statistics(options);
    const writing = statistics.writtenFrames > 0 ? 'writing' : 'receiving';
    const status = runs ? writing : this.#configured ? 'configured' : 'stopped';
    return { status, file: this.#file, statistics, error: null };
  }

  #nothingCounted(): WriterStatistics {
    return { ...NO_STATISTICS, expectedFrames: this.#configured ? (this.#parameters?.frames ?? 0) : 0 };
  }

  async #runs(options: CallOptions): Promise<boolean> {
    const operation = 'report its status';
    const { data } = await this.#ask({ method: 'GET', path: '/status', operation }, options);
    const runs = isJsonObject(data) ? data.is_running : undefined;
    if (typeof runs === 'boolean') return runs;
    const expected = 'data.is_running, true or false';
    throw badAnswer({ component: this.#name, address: this.address }, operation, {
      expected,
      answer: data ?? null,
    });
  }

  /** What the processor counts is up to the processor: what it does not count is 0. */
  async #statistics(options: CallOptions): Promise<WriterStatistics> {
    const operation = 'report its statistics';
    const { data } = await this.#ask({ method: 'GET', path: '/statistics', operation }, options);
    const outer = isJsonObject(data) ? data : {};
    const counts = isJsonObject(outer.statistics) ? outer.statistics : outer;
    const count = (field: string) => {
      const value = counts[field];
      return typeof value === 'number' && value >= 0 ? value : 0;
    };
    return {
      receivedFrames: count('n_received_frames'),
      writtenFrames: count('n_written_frames'),
      lostFrames: count('n_lost_frames'),
      duplicateFrames: count('n_duplicate_frames'),
      expectedFrames: this.#parameters?.frames ?? 0,
      writtenBytes: count('n_written_bytes'),
      frameRateHz: count('frame_rate'),
    };
  }

  async #setParameters(parameters: WriterParameters, file: string, options: CallOptions): Promise<void> {
    const section: JsonObject = {
      ...parameters.extra,
      output_file: file,
      n_frames: parameters.frames,
      user_id: parameters.userId,
    };
    const known = Object.entries(section).filter(([name]) => this.#options.parameters.includes(name));
    const body = Object.fromEntries(known);
    await this.#ask({ method: 'POST', path: '/parameters', body, operation: 'take its parameters' }, options);
  }

  /** Errors come as HTTP 500, or as 200, with `{"status": "error", "message"}`. */
  async #ask(request: HttpRequest, options: CallOptions): Promise<JsonObject> {
    const { operation } = request;
    const explain = (_statusCode: number, text: string) => {
      const words = wordsOf(text);
      return words === null ? null : refused(this.#name, operation, words);
    };
    const answer = await this.#http.json({ ...request, explain }, options);
    if (isJsonObject(answer) && answer.status === 'ok') return answer;
    const words = wordsOf(JSON.stringify(answer));
    if (words !== null) throw refused(this.#name, operation, words);
    const expected = 'status ok';
    throw badAnswer({ component: this.#name, address: this.address }, operation, { expected, answer });
  }
}

function wordsOf(text: string): string | null {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null || !('message' in answer)) return null;
    return typeof answer.message === 'string' ? answer.message : null;
  } catch {
    return null;
  }
}
