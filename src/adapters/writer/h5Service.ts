import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import {
  ComponentFailedError,
  type DiaError,
  NoSpaceError,
  WrongStateError,
} from '../../contracts/errors.js';
import type { JsonObject, JsonValue } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';
import {
  WRITER_STATUSES,
  type Writer,
  type WriterParameters,
  type WriterReport,
} from '../../contracts/writer.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { HttpClient } from '../transport/http.js';
import { isJsonObject } from '../transport/jsonObject.js';

/** Options of the writer kind `h5-service`. */
export const h5ServiceOptions = Type.Object(
  {
    url: Type.String({
      description: 'Where `dia writer --service` serves its REST interface: `http://host:port`.',
      pattern: '^https?://.+$',
    }),
    stream: Type.Optional(
      Type.String({
        description: 'ZeroMQ endpoint of the frames, when it is another than the writer was started with.',
        pattern: '^(tcp|ipc)://.+$',
      }),
    ),
    dialect: Type.Optional(
      Type.String({
        description:
          "Kind of the frame stream, one of those that `dia writer --help` names; the writer's own default is array-1.0.",
      }),
    ),
    format: Type.Optional(Type.String({ description: "Layout of the file; the writer's default is nexus." })),
    compression: Type.Optional(
      Type.Enum(['none', 'bslz4'], {
        description:
          'What becomes of frames that come plain: `none` stores them as they are (the default of the writer), `bslz4` compresses them with bitshuffle and LZ4.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** A writer waits longer than this before it says that the acquisition still goes on. */
const SHORTEST_WAIT_MS = 500;

/** This project's HDF5 writer as a long-lived service that writes one acquisition after the other. */
export class H5ServiceAdapter implements Writer {
  readonly #name: string;
  readonly #options: Static<typeof h5ServiceOptions>;
  readonly #http: HttpClient;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof h5ServiceOptions>>) {
    this.#name = name;
    this.#options = options;
    this.address = options.url;
    this.#http = new HttpClient({ component: name, url: options.url });
  }

  connect(): Promise<void> {
    return this.#http.connect();
  }

  disconnect(): Promise<void> {
    return this.#http.close();
  }

  async configure(parameters: WriterParameters, options: CallOptions): Promise<void> {
    const { stream, dialect, format, compression } = this.#options;
    await this.#post('configure', options, {
      output_file: parameters.outputFile,
      n_frames: parameters.frames,
      user_id: parameters.userId,
      existing_file: parameters.existingFile,
      acquisition: parameters.acquisition,
      acquisition_id: parameters.acquisitionId,
      extra: parameters.extra,
      ...(stream === undefined ? {} : { stream }),
      ...(dialect === undefined ? {} : { dialect }),
      ...(format === undefined ? {} : { format }),
      ...(compression === undefined ? {} : { compression }),
    });
  }

  async start(options: CallOptions): Promise<{ file: string | null }> {
    const { file } = await this.#post('start', options);
    return { file: typeof file === 'string' ? file : null };
  }

  async stop(options: CallOptions): Promise<void> {
    await this.#post('stop', options);
  }

  async reset(options: CallOptions): Promise<void> {
    await this.#post('reset', options);
  }

  async kill(options: CallOptions): Promise<void> {
    await this.#post('kill', options);
  }

  async report(options: CallOptions): Promise<WriterReport> {
    const operation = 'report its status';
    const request = { method: 'GET', path: '/status', operation } as const;
    return this.#read(operation, this.#object(operation, await this.#http.json(request, options)));
  }

  async untilEnded(options: CallOptions): Promise<WriterReport> {
    const operation = 'say when it has ended';
    for (;;) {
      const askedMs = performance.now();
      // It answers every few seconds, so that it is not taken for one that hangs.
      const answer = await this.#http.json({ method: 'GET', path: '/ended', operation }, options);
      const report = this.#read(operation, this.#object(operation, answer));
      if (report.status !== 'receiving' && report.status !== 'writing') return report;
      // One that does not wait would be asked as fast as it can answer.
      if (performance.now() - askedMs < SHORTEST_WAIT_MS)
        throw this.#badAnswer(operation, 'to be waited for', answer);
    }
  }

  /** What an answer says of the writer. Its answers to commands say as much as that to a question. */
  #read(operation: string, answer: JsonObject): WriterReport {
    const status = WRITER_STATUSES.find((known) => known === answer.status);
    if (status === undefined) {
      throw this.#badAnswer(operation, `status, one of ${WRITER_STATUSES.join(', ')}`, answer);
    }
    const count = (field: string) => {
      const value = answer[field];
      if (typeof value === 'number' && value >= 0) return value;
      throw this.#badAnswer(operation, `${field}, 0 or more`, answer);
    };
    return {
      status,
      file: typeof answer.file === 'string' ? answer.file : null,
      error: typeof answer.error === 'string' ? answer.error : null,
      statistics: {
        receivedFrames: count('n_received_frames'),
        writtenFrames: count('n_written_frames'),
        lostFrames: count('n_lost_frames'),
        duplicateFrames: count('n_duplicate_frames'),
        expectedFrames: count('total_expected_frames'),
        writtenBytes: count('n_written_bytes'),
        frameRateHz: count('frame_rate'),
      },
    };
  }

  async #post(call: string, options: CallOptions, body: JsonObject = {}): Promise<JsonObject> {
    const explain = (_statusCode: number, text: string) => this.#explain(call, text);
    const request = { method: 'POST', path: `/${call}`, body, operation: call, explain } as const;
    const answer = this.#object(call, await this.#http.json(request, options));
    if (options.onState !== undefined) {
      const report = this.#read(call, answer);
      options.onState({ status: report.status, report });
    }
    return answer;
  }

  /** The writer says in its own words and codes why it could not; null when it did not. */
  #explain(operation: string, text: string): DiaError | null {
    let answer: JsonValue;
    try {
      answer = JSON.parse(text);
    } catch {
      return null;
    }
    if (!isJsonObject(answer) || typeof answer.message !== 'string') return null;
    const { message, code } = answer;
    const facts = {
      component: this.#name,
      operation,
      expected: `${operation} to be carried out`,
      actual: message,
    };
    switch (code) {
      case 'file_exists':
        return new WrongStateError('file_exists', message, {
          ...facts,
          hint: 'Choose another output_file, or let the deployment number files.',
        });
      case 'no_space':
        return new NoSpaceError('no_space', message, {
          ...facts,
          hint: 'Make room on the disk of the file.',
        });
      case 'wrong_state':
        return new ComponentFailedError('component_wrong_state', `${this.#name}: ${message}`, {
          ...facts,
          hint: 'Reset, so that the controller and the writer agree again.',
        });
      default:
        return new ComponentFailedError(
          'component_refused',
          `${this.#name} refused to ${operation}: ${message}`,
          { ...facts, hint: `Correct what it complains of; its log at ${this.address} tells more.` },
        );
    }
  }

  #object(operation: string, answer: JsonValue): JsonObject {
    if (isJsonObject(answer)) return answer;
    throw this.#badAnswer(operation, 'a JSON object', answer);
  }

  #badAnswer(operation: string, expected: string, answer: JsonValue): ComponentFailedError {
    const actual = JSON.stringify(answer).slice(0, 200);
    return new ComponentFailedError(
      'bad_answer',
      `${this.#name} was asked to ${operation} and answered ${actual}, expected ${expected}.`,
      {
        component: this.#name,
        operation,
        expected,
        actual,
        hint: `Check that ${this.address} is a writer service of this version.`,
      },
    );
  }
}
