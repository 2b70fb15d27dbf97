import { Router } from 'zeromq';
import type { JsonObject } from '../contracts/json.js';
import { asObject, parseJson } from './jsonObject.js';
import { Refusal, type SimulatedDetector } from './simulatedDetector.js';

const DEFAULT_TRIGGER_PERIOD_S = 0.01;
/** The acknowledgement of a shutdown still has to leave. */
const REPLY_LINGER_MS = 200;

/**
 * Serves the simulated detector over odin-data's control protocol: JSON messages of one part on a ZeroMQ
 * ROUTER socket, each answered by ack or nack with the same id (odin-data, IpcMessage).
 *
 * Commands: `configure {detector: {...}}`, `execute {detector: {command: start | stop | trigger |
 * start_triggers | stop_triggers}}` (start_triggers takes `trigger_period` in seconds), `status`,
 * `request_configuration`, `shutdown`.
 */
export class DetectorControl {
  readonly #detector: SimulatedDetector;
  readonly #log: (line: string) => void;
  readonly #onShutdown: () => void;
  readonly #socket = new Router({ linger: REPLY_LINGER_MS, sendTimeout: 0 });

  constructor(detector: SimulatedDetector, options: { log: (line: string) => void; onShutdown: () => void }) {
    this.#detector = detector;
    this.#log = options.log;
    this.#onShutdown = options.onShutdown;
  }

  async bind(address: string): Promise<string> {
    await this.#socket.bind(address);
    return this.#socket.lastEndpoint ?? address;
  }

  /** Answers messages, one after the other, until closed. */
  async serve(): Promise<void> {
    for await (const [client, part] of this.#socket) {
      if (client === undefined || part === undefined) continue;
      const reply = await this.#answer(part);
      if (reply === null) continue;
      try {
        await this.#socket.send([client, JSON.stringify(reply)]);
      } catch {
        // The client went away, or reads no replies: it has to live with its timeout.
        this.#log(`could not deliver the reply ${String(reply.id)}`);
      }
    }
  }

  close(): void {
    this.#socket.close();
  }

  async #answer(part: Buffer): Promise<JsonObject | null> {
    const message = asObject(parseJson(part.toString('utf8')));
    if (message === null) {
      // Nobody could match a reply without an id; odin-data stays silent as well.
      this.#log('ignores a message that is no JSON object');
      return null;
    }
    const command = typeof message.msg_val === 'string' ? message.msg_val : '';
    const base = { msg_val: command, id: message.id ?? 0, timestamp: new Date().toISOString() };
    try {
      const params = await this.#carryOut(command, asObject(message.params) ?? {});
      return { msg_type: 'ack', ...base, params };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#log(`refused ${command}: ${error.message}`);
      return { msg_type: 'nack', ...base, params: { error: error.message } };
    }
  }

  async #carryOut(command: string, params: JsonObject): Promise<JsonObject> {
    switch (command) {
      case 'configure':
        this.#detector.configure(section(params));
        return this.#where();
      case 'execute':
        await this.#execute(section(params));
        return this.#where();
      case 'status':
        return this.#where();
      case 'request_configuration':
        return { detector: this.#detector.parameters() };
      case 'shutdown':
        // After the reply has left.
        setImmediate(this.#onShutdown);
        return {};
      default:
        throw new Refusal(
          `unknown command ${JSON.stringify(command)}: there are configure, execute, status, request_configuration, shutdown`,
        );
    }
  }

  /** Answers to commands say as much as those to a question. */
  #where(): JsonObject {
    return { detector: this.#detector.status() };
  }

  async #execute(detector: JsonObject): Promise<void> {
    const { command, trigger_period: periodS = DEFAULT_TRIGGER_PERIOD_S } = detector;
    switch (command) {
      case 'start':
        return this.#detector.start();
      case 'stop':
        return await this.#detector.stop();
      case 'trigger':
        return this.#detector.trigger();
      case 'start_triggers':
        if (typeof periodS !== 'number' || !(periodS >= 0)) {
          throw new Refusal(`trigger_period must be seconds, 0 or more, not ${JSON.stringify(periodS)}`);
        }
        return this.#detector.startTriggers(periodS);
      case 'stop_triggers':
        return this.#detector.stopTriggers();
      default:
        throw new Refusal(
          `cannot execute ${JSON.stringify(command ?? null)}: there are start, stop, trigger, start_triggers, stop_triggers`,
        );
    }
  }
}

function section(params: JsonObject): JsonObject {
  const strangers = Object.keys(params).filter((name) => name !== 'detector');
  if (strangers.length > 0)
    throw new Refusal(`unknown section ${strangers.join(', ')}: there is only detector`);
  const detector = asObject(params.detector);
  if (detector === null) throw new Refusal('params must have an object named detector');
  return detector;
}
