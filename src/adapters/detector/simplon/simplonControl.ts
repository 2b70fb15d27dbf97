import { setTimeout as pause } from 'node:timers/promises';
import { TimeIsUp, withinBounds } from '../../../contracts/bounds.js';
import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError } from '../../../contracts/errors.js';
import type { JsonValue } from '../../../contracts/json.js';
import type { SimplonApi, SimplonKey, SimplonModule } from './simplonApi.js';

/** Time between two looks at a state that is about to change. */
const LOOK_EVERY_MS = 20;
/** States in which the detector is at work by itself. */
export const BUSY_STATES: readonly string[] = ['acquire', 'configure', 'initialize', 'test'];

/** The handful of questions and commands that the adapter's parts share. */
export class SimplonControl {
  constructor(
    readonly api: SimplonApi,
    /** Name of the component in errors. */
    readonly component: string,
  ) {}

  /** The detector's own word for its state. */
  async state(options: CallOptions): Promise<string> {
    const { value } = await this.api.read({ module: 'detector', kind: 'status', key: 'state' }, options);
    return String(value);
  }

  async config(key: string, options: CallOptions): Promise<JsonValue> {
    return (await this.api.read({ module: 'detector', kind: 'config', key }, options)).value;
  }

  /** A value that not every detector has; null when this one does not. */
  async orNull(key: SimplonKey, options: CallOptions): Promise<JsonValue> {
    try {
      return (await this.api.read(key, options)).value;
    } catch (error) {
      if (error instanceof ComponentFailedError) return null;
      throw error;
    }
  }

  /** Sets a value of a module's configuration, when it is another. */
  async ensure(module: SimplonModule, [key, value]: readonly [string, string], options: CallOptions) {
    const present = await this.api.read({ module, kind: 'config', key }, options);
    if (present.value !== value) await this.api.write({ module, kind: 'config', key }, value, options);
  }

  command(key: string, options: CallOptions): Promise<number | null> {
    return this.api.command({ module: 'detector', kind: 'command', key }, options);
  }

  /**
   * Looks until the state is no longer one of `words`.
   *
   * @throws ComponentFailedError `component_wrong_state` when it still is when the time is up.
   */
  async leaves(words: readonly string[], options: CallOptions): Promise<string> {
    let state = '';
    try {
      return await withinBounds(options, async (signal) => {
        for (;;) {
          state = await this.state({ signal, timeoutMs: options.timeoutMs });
          if (!words.includes(state)) return state;
          await pause(LOOK_EVERY_MS, undefined, { signal });
        }
      });
    } catch (error) {
      if (!(error instanceof TimeIsUp)) throw error;
      throw new ComponentFailedError(
        'component_wrong_state',
        `${this.component} still says '${state}' after ${options.timeoutMs} ms.`,
        {
          component: this.component,
          operation: 'wait for the detector',
          expected: `another state than ${words.join(', ')}`,
          actual: state,
          hint: 'Reset; when that does not help, restart the DAQ of the control unit.',
        },
      );
    }
  }
}
