import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError } from '../../../contracts/errors.js';
import type { JsonObject } from '../../../contracts/json.js';
import type { SlsCommandLine } from './commandLine.js';
import type { SlsCommands } from './names.js';
import { parseList, parseQuantity } from './parser.js';

/** What the receivers do, all together: `running` while at least one does. */
export type ReceiverStatus = 'idle' | 'running' | 'transmitting';

const BY_WEIGHT: readonly ReceiverStatus[] = ['running', 'transmitting', 'idle'];

/** The receivers of one detector, reached through the detector's own programs. */
export class SlsReceivers {
  readonly #component: string;
  readonly #line: SlsCommandLine;
  readonly #commands: SlsCommands;

  constructor(component: string, line: SlsCommandLine, commands: SlsCommands) {
    this.#component = component;
    this.#line = line;
    this.#commands = commands;
  }

  /** @throws ComponentFailedError `bad_answer` for a word that is not known. */
  async status(options: CallOptions): Promise<ReceiverStatus> {
    const answer = await this.#line.get(this.#commands.receiverStatus, options);
    const words = parseList(answer);
    const known = words.every((word) => BY_WEIGHT.some((status) => status === word));
    const heaviest = BY_WEIGHT.find((status) => words.includes(status));
    if (known && heaviest !== undefined) return heaviest;
    throw new ComponentFailedError(
      'bad_answer',
      `The receiver of ${this.#component} reports ${answer}, expected one of ${BY_WEIGHT.join(', ')}.`,
      {
        component: this.#component,
        operation: 'report the status of the receiver',
        expected: [...BY_WEIGHT],
        actual: answer,
        hint: `Check packageVersion in the options of ${this.#component}.`,
      },
    );
  }

  /** Starts them anew: frames are counted from here. */
  async restart(budget: () => CallOptions): Promise<void> {
    await this.stopIfBusy(budget);
    await this.#line.put(this.#commands.startReceiver, 'start the receiver', budget());
  }

  /** Ends the stream. Stopping an idle receiver does nothing. */
  stop(options: CallOptions): Promise<void> {
    return this.#line.put(this.#commands.stopReceiver, 'stop the receiver', options);
  }

  /** A receiver goes on after the last frame until it is told, and takes no parameters meanwhile. */
  async stopIfBusy(budget: () => CallOptions): Promise<void> {
    if ((await this.status(budget())) !== 'idle') await this.stop(budget());
  }

  /** What they count, one number a receiver, and `frames_caught`: the frames that all of them have. */
  async metrics(budget: () => CallOptions): Promise<JsonObject> {
    const metrics: JsonObject = {};
    for (const command of this.#commands.receiverCounters) {
      const answer = await this.#line.get(command, budget());
      metrics[command] = parseList(answer).map((text) => parseQuantity(text)?.value ?? null);
    }
    const caught = metrics[this.#commands.framesCaught];
    const counts = Array.isArray(caught) ? caught.map(Number) : [];
    return { ...metrics, frames_caught: counts.length === 0 ? 0 : Math.min(...counts) };
  }
}
