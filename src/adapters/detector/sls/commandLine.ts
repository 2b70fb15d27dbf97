import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Static, TObject } from 'typebox';
import type { CallOptions } from '../../../contracts/component.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  type DiaError,
  type ErrorFacts,
} from '../../../contracts/errors.js';
import { type ProgramCall, type ProgramOutput, runProgram } from '../../transport/process.js';
import type { slsProgramOptions } from './options.js';
import { failureOf, parseAnswer, parseEchoes } from './parser.js';

export type SlsProgramOptions = Static<TObject<typeof slsProgramOptions>>;

const PARAMETERS_FILE = 'parameters.det';

/**
 * The command line programs `sls_detector_get` and `sls_detector_put` of one detector.
 *
 * All calls to one detector run one after the other, whichever adapter makes them: its control port serves one
 * client at a time. Arguments must be free of blanks and of leading dashes, which the programs would take apart.
 * Source: PROTOCOLS, SLS detectors.
 */
export class SlsCommandLine {
  readonly address: string;
  readonly #component: string;
  readonly #options: SlsProgramOptions;

  constructor(component: string, options: SlsProgramOptions) {
    this.#component = component;
    this.#options = options;
    this.address = `${this.#program('put')} ${this.#prefix}`.trim();
  }

  /** Reads a command's value; `unit` for times. */
  async get(command: string, options: CallOptions, unit?: string): Promise<string> {
    const args = [`${this.#prefix}${command}`, ...(unit === undefined ? [] : [unit])];
    const call = this.#call('get', args, `read ${command}`);
    const output = await this.#run(call, options);
    const answer = parseAnswer(output.stdout);
    if (answer !== null) return answer.value;
    throw this.#badAnswer(call.operation, `${command} and its value`, 'nothing');
  }

  /** Gives one command with its arguments. `operation` says in errors what it is for. */
  async put(command: readonly string[], operation: string, options: CallOptions): Promise<void> {
    const [first = '', ...rest] = command;
    await this.#run(this.#call('put', [`${this.#prefix}${first}`, ...rest], operation), options);
  }

  /**
   * Gives several commands in one call, through a file in a private folder that is removed afterwards.
   *
   * @throws what `put` throws; the error tells which commands were applied before the one that failed.
   */
  async putAll(lines: readonly string[], operation: string, options: CallOptions): Promise<void> {
    options.signal.throwIfAborted();
    // The folder is 0700. The file goes by its relative name: the folder's path may have blanks.
    const folder = await mkdtemp(join(tmpdir(), 'dia-sls-'));
    try {
      const module = this.#modulePrefix;
      await writeFile(join(folder, PARAMETERS_FILE), lines.map((line) => `${module}${line}\n`).join(''), {
        mode: 0o600,
      });
      // Lines may carry the index of a module, but not that of the detector.
      const command = [`${this.#detectorPrefix}parameters`, PARAMETERS_FILE];
      const call = { ...this.#call('put', command, operation), cwd: folder };
      await this.#run(call, options, (output) => whatWasApplied(lines, output));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #run(
    call: ProgramCall,
    options: CallOptions,
    progress: (output: ProgramOutput) => string = () => '',
  ): Promise<ProgramOutput> {
    const output = await runProgram(call, options);
    // Success is told by the exit code alone: information and warnings go to stderr as well.
    if (output.exitCode === 0) return output;
    throw this.#failure(call, output, progress(output));
  }

  #failure(call: ProgramCall, output: ProgramOutput, progress: string): DiaError {
    const said = failureOf(output.stderr) || `nothing, with exit code ${output.exitCode}`;
    const facts = {
      component: this.#component,
      operation: call.operation,
      expected: 'exit code 0',
      actual: said,
    } satisfies ErrorFacts;
    const lost = /Cannot connect to (\w+):(\S+) on port (\d+)/.exec(said);
    if (lost !== null) return this.#unreachable(facts, lost, progress);
    const message = `${this.#component} refused to ${call.operation}: ${said}${progress}`;
    if (said.includes('No modules added')) {
      const load = [this.#program('put'), `${this.#detectorPrefix}config <file>`].join(' ');
      return new ComponentFailedError('component_failed', message, {
        ...facts,
        hint: `No detector is set up under this index for this account and SLSDETNAME. Load its config: ${load}`,
      });
    }
    return new ComponentFailedError('component_refused', message, {
      ...facts,
      hint: said.includes('Unknown command')
        ? `Check packageVersion (${this.#options.packageVersion}) in the options of ${this.#component}.`
        : `Correct what the ${this.#component} complains of, or reset and try again.`,
    });
  }

  #unreachable(facts: ErrorFacts, lost: RegExpExecArray, progress: string): ComponentSilentError {
    const [, who = '', host = '', port = ''] = lost;
    const receiver = who === 'Receiver';
    const what = receiver ? `The receiver of ${this.#component}` : this.#component;
    return new ComponentSilentError(
      'component_unreachable',
      `${what} cannot be reached at ${host}:${port} (${facts.operation})${progress}`,
      {
        ...facts,
        hint: receiver
          ? `Start the receiver on ${host}. The detector itself may have taken what the receiver has not: configure again afterwards.`
          : `Check that the detector has power and network and that its server runs at ${host}:${port}.`,
      },
    );
  }

  #badAnswer(operation: string, expected: string, actual: string): ComponentFailedError {
    return new ComponentFailedError(
      'bad_answer',
      `${this.#component} was asked to ${operation} and answered ${actual}, expected ${expected}.`,
      {
        component: this.#component,
        operation,
        expected,
        actual,
        hint: `Check that ${this.#program('get')} is of slsDetectorPackage ${this.#options.packageVersion}.`,
      },
    );
  }

  #call(which: 'get' | 'put', args: readonly string[], operation: string): ProgramCall {
    const { sharedMemoryName, commandFolder = '', detectorIndex } = this.#options;
    return {
      component: this.#component,
      program: this.#program(which),
      args,
      operation,
      turn: ['sls', commandFolder, sharedMemoryName ?? '', detectorIndex].join(' '),
      ...(sharedMemoryName === undefined ? {} : { env: { SLSDETNAME: sharedMemoryName } }),
    };
  }

  #program(which: 'get' | 'put'): string {
    const name = `sls_detector_${which}`;
    const { commandFolder } = this.#options;
    return commandFolder === undefined ? name : join(commandFolder, name);
  }

  get #prefix(): string {
    return `${this.#detectorPrefix}${this.#modulePrefix}`;
  }

  get #detectorPrefix(): string {
    return this.#options.detectorIndex === 0 ? '' : `${this.#options.detectorIndex}-`;
  }

  get #modulePrefix(): string {
    return this.#options.moduleIndex === undefined ? '' : `${this.#options.moduleIndex}:`;
  }
}

/** After the first line that fails the programs stop: each line above it has printed its echo. */
function whatWasApplied(lines: readonly string[], output: ProgramOutput): string {
  const applied = Math.min(parseEchoes(output.stdout).length, lines.length - 1);
  const list = (some: readonly string[]) => (some.length === 0 ? 'nothing' : some.join(', '));
  return (
    ` (at '${lines[applied]}', line ${applied + 1} of ${lines.length};` +
    ` applied: ${list(lines.slice(0, applied))}; not applied: ${list(lines.slice(applied + 1))})`
  );
}
