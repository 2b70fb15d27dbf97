import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Static } from 'typebox';
import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError, ComponentSilentError } from '../../contracts/errors.js';
import { Type } from '../../contracts/schemaTypes.js';
import type { Trigger, TriggerStatus } from '../../contracts/trigger.js';
import type { AdapterSettings } from '../adapterSettings.js';
import { plainText, programFailure, runProgram } from '../transport/process.js';

/** Options of the trigger kind `epics`. */
export const epicsOptions = Type.Object(
  {
    pv: Type.String({
      description: 'Name of the process variable that takes the codes, optionally with a field.',
      pattern: '^[A-Za-z0-9_:{\\[][A-Za-z0-9_:+<>;{}\\[\\]-]{0,119}(\\.[A-Z0-9_]{1,8})?$',
    }),
    startCode: Type.Integer({
      description: 'Written to start the triggers.',
      minimum: 0,
      maximum: 2 ** 31 - 1,
    }),
    stopCode: Type.Integer({ description: 'Written to stop them.', minimum: 0, maximum: 2 ** 31 - 1 }),
    caput: Type.String({
      description: 'The program of EPICS base: an absolute path, or its name in PATH.',
      pattern: '^(/.+|[A-Za-z0-9_.-]+)$',
      default: 'caput',
    }),
    timeoutS: Type.Number({
      description: 'How long caput waits for the process variable and for its processing, in seconds.',
      exclusiveMinimum: 0,
      maximum: 600,
      default: 3,
    }),
    environment: Type.Record(Type.String({ pattern: '^EPICS_CA_[A-Z_]+$' }), Type.String(), {
      additionalProperties: false,
      description:
        'Where Channel Access looks, for example EPICS_CA_ADDR_LIST; added to the environment of the server.',
      default: {},
    }),
  },
  { additionalProperties: false },
);

/** A timing system behind an EPICS process variable: one code starts the triggers, another one stops them. */
export class EpicsTriggerAdapter implements Trigger {
  readonly #name: string;
  readonly #options: Static<typeof epicsOptions>;
  readonly address: string;

  constructor({ name, options }: AdapterSettings<Static<typeof epicsOptions>>) {
    this.#name = name;
    this.#options = options;
    this.address = `${options.pv} (EPICS Channel Access)`;
  }

  /** @throws ComponentFailedError `component_failed` when the machine has no caput. */
  async connect(): Promise<void> {
    const { caput } = this.#options;
    const folders = isAbsolute(caput) ? [''] : (process.env.PATH ?? '').split(delimiter);
    for (const folder of folders) {
      if (await isExecutable(join(folder, caput))) return;
    }
    throw new ComponentFailedError(
      'component_failed',
      `${this.#name} needs the program ${caput}, which is not on this machine.`,
      {
        component: this.#name,
        operation: 'find caput',
        expected: `an executable ${caput}`,
        actual: isAbsolute(caput) ? 'no such program' : `not in ${process.env.PATH ?? 'an empty PATH'}`,
        hint: `Install the Channel Access tools of EPICS base, or set the option caput of the ${this.#name} to where they are. Without a timing system the trigger's kind is none.`,
      },
    );
  }

  async disconnect(): Promise<void> {}

  start(options: CallOptions): Promise<void> {
    return this.#put(this.#options.startCode, 'start the triggers', options);
  }

  stop(options: CallOptions): Promise<void> {
    return this.#put(this.#options.stopCode, 'stop the triggers', options);
  }

  /** A process variable that takes codes does not tell what the timing system makes of them. */
  async status({ signal }: CallOptions): Promise<TriggerStatus> {
    signal.throwIfAborted();
    return 'unknown';
  }

  async #put(code: number, operation: string, options: CallOptions): Promise<void> {
    const { caput, pv, timeoutS, environment } = this.#options;
    const args = ['-w', String(timeoutS), '-c', pv, String(code)];
    const call = { component: this.#name, program: caput, args, operation, env: environment };
    const output = await runProgram(call, options);
    if (output.exitCode === 0) return;
    const words = plainText(output.stderr).trim();
    if (!/timed out|not found|disconnect/i.test(words)) throw programFailure(call, output);
    throw new ComponentSilentError('component_unreachable', `${this.#name} cannot be reached: ${words}`, {
      component: this.#name,
      operation,
      expected: `the process variable ${pv} to take ${code} within ${timeoutS} s`,
      actual: words,
      hint: `Check that the IOC of ${pv} runs and can be seen from here: ${caput} ${args.join(' ')}. EPICS_CA_ADDR_LIST says where Channel Access looks.`,
    });
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
