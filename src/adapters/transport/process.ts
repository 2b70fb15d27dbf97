import { type ChildProcess, spawn } from 'node:child_process';
import { TimeIsUp, withinBounds } from '../../contracts/bounds.js';
import type { CallOptions } from '../../contracts/component.js';
import { ComponentFailedError, ComponentSilentError, DiaError } from '../../contracts/errors.js';
import { Turns } from './turns.js';

/** One run of a program. Nothing passes through a shell. */
export interface ProgramCall {
  /** Name of the component in errors. */
  readonly component: string;
  /** Path of the program, or its name in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** What is attempted, for errors. */
  readonly operation: string;
  /** Working directory; that of the controller by default. */
  readonly cwd?: string;
  /** Added to the controller's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Calls with the same turn run one after the other in this process, whoever makes them. */
  readonly turn?: string;
  /** A longer output, stdout and stderr together, is a bad answer; 1 MiB by default. */
  readonly maxOutputBytes?: number;
}

/** What a program said until it ended by itself. */
export interface ProgramOutput {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 1_048_576;
const KILL_AFTER_MS = 500;
const QUOTED_CHARACTERS = 1000;

const turns = new Turns();

/** Programs that were told to go and are not gone yet: they do not outlive the controller. */
const ending = new Set<() => void>();
process.once('exit', () => {
  for (const force of ending) force();
});

/**
 * Runs a program to its end. When the caller aborts or the time is up the program, with all that it started, gets
 * SIGTERM and soon after SIGKILL; its turn is over only when it is gone. Waiting for the turn counts as time.
 *
 * @throws ComponentFailedError `component_failed` when it cannot be started or was ended by a signal,
 * `bad_answer` when it says too much; ComponentSilentError `component_timeout`; the reason of the caller's
 * signal when that aborted. An exit code is no error here: see `programFailure`.
 */
export async function runProgram(call: ProgramCall, options: CallOptions): Promise<ProgramOutput> {
  let began = false;
  try {
    return await withinBounds(options, async (bounds) => {
      const letGo = call.turn === undefined ? () => {} : await turns.take(call.turn, bounds);
      began = true;
      return await runToEnd(call, bounds, letGo);
    });
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    if (error instanceof TimeIsUp) throw silent(call, options.timeoutMs, began);
    throw error;
  }
}

/** The error of a program that ended with an exit code other than 0, in the words of its stderr. */
export function programFailure(call: ProgramCall, output: ProgramOutput): ComponentFailedError {
  const said = plainText(output.stderr).trim() || plainText(output.stdout).trim() || 'nothing';
  const words = said.slice(0, QUOTED_CHARACTERS);
  return new ComponentFailedError(
    'component_failed',
    `${call.component} failed to ${call.operation}: ${words} (exit code ${output.exitCode}).`,
    {
      component: call.component,
      operation: call.operation,
      expected: `${call.program} to end with exit code 0`,
      actual: `exit code ${output.exitCode}: ${words}`,
      hint: `Run it by hand to see more: ${[call.program, ...call.args].join(' ')}`,
    },
  );
}

/** A text without colours, NUL bytes and other control characters; newlines and tabs stay. */
export function plainText(text: string): string {
  return text.replace(CONTROL_SEQUENCES, '').replace(CONTROL_CHARACTERS, '');
}

const ESCAPE = String.fromCharCode(0x1b);
/** ECMA-48 control sequences, for example the colours `ESC [ 31 m`. */
const CONTROL_SEQUENCES = new RegExp(`${ESCAPE}\\[[0-?]*[ -/]*[@-~]`, 'g');
const CONTROL_CHARACTERS = /(?![\n\t])\p{Cc}/gu;

function runToEnd(call: ProgramCall, bounds: AbortSignal, onEnd: () => void): Promise<ProgramOutput> {
  return new Promise((resolve, reject) => {
    const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    let sizeBytes = 0;
    let child: ChildProcess;
    try {
      child = spawn(call.program, [...call.args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        // A process group of its own, so that what a wrapper script started ends with it.
        detached: true,
        ...(call.cwd === undefined ? {} : { cwd: call.cwd }),
        env: { ...process.env, ...call.env },
      });
    } catch (cause) {
      onEnd();
      reject(cannotStart(call, cause));
      return;
    }
    const finish = (settle: () => void) => {
      bounds.removeEventListener('abort', onAbort);
      settle();
    };
    let givenUp = false;
    const giveUp = (reason: unknown) => {
      if (givenUp) return;
      givenUp = true;
      end(child);
      finish(() => reject(reason));
    };
    const onAbort = () => giveUp(bounds.reason);
    bounds.addEventListener('abort', onAbort, { once: true });
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > (call.maxOutputBytes ?? MAX_OUTPUT_BYTES)) giveUp(tooLong(call));
        else output[name].push(chunk);
      });
    }
    // What a wrapper script started is gone when the output is closed; one that left it open does not count for ever.
    let patience: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      patience = setTimeout(onEnd, KILL_AFTER_MS).unref();
    });
    child.once('error', (cause) => {
      if (child.pid === undefined) onEnd();
      finish(() => reject(cannotStart(call, cause)));
    });
    child.once('close', (code, signal) => {
      clearTimeout(patience);
      onEnd();
      finish(() => {
        if (code === null) return reject(ended(call, signal));
        const text = (name: 'stdout' | 'stderr') => Buffer.concat(output[name]).toString('utf8');
        resolve({ exitCode: code, stdout: text('stdout'), stderr: text('stderr') });
      });
    });
    if (bounds.aborted) onAbort();
  });
}

/** Ends a program and all of its group, by force when it does not go by itself. */
function end(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  const kill = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal);
    } catch {
      // Gone in this very moment.
    }
  };
  kill('SIGTERM');
  const force = () => kill('SIGKILL');
  const timer = setTimeout(force, KILL_AFTER_MS);
  ending.add(force);
  child.once('close', () => {
    clearTimeout(timer);
    ending.delete(force);
  });
}

function cannotStart(call: ProgramCall, cause: unknown): DiaError {
  if (cause instanceof DiaError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const reasons: Record<string, string> = {
    ENOENT: 'program not found',
    EACCES: 'it may not be executed by this account',
  };
  const why = reasons[code] ?? (cause instanceof Error ? cause.message : code);
  return new ComponentFailedError(
    'component_failed',
    `${call.component} cannot ${call.operation}: ${call.program} cannot be run, ${why}.`,
    {
      component: call.component,
      operation: call.operation,
      expected: `an executable at ${call.program}`,
      actual: code,
      hint: `Install it, or correct its path in the options of ${call.component} in deployment.yaml.`,
      cause,
    },
  );
}

function ended(call: ProgramCall, signal: NodeJS.Signals | null): ComponentFailedError {
  return new ComponentFailedError(
    'component_failed',
    `${call.component} failed to ${call.operation}: ${call.program} was ended by ${signal}.`,
    {
      component: call.component,
      operation: call.operation,
      expected: `${call.program} to end by itself`,
      actual: String(signal),
      hint: 'Somebody killed it, or it crashed: try again, and look at the system log if it happens again.',
    },
  );
}

function tooLong(call: ProgramCall): ComponentFailedError {
  const limit = call.maxOutputBytes ?? MAX_OUTPUT_BYTES;
  return new ComponentFailedError('bad_answer', `The output of ${call.program} is too long.`, {
    component: call.component,
    operation: call.operation,
    expected: `at most ${limit} bytes`,
    actual: 'more',
    hint: `Check that ${call.program} is the right program.`,
  });
}

function silent(call: ProgramCall, timeoutMs: number, began: boolean): ComponentSilentError {
  const { component, operation, program } = call;
  return new ComponentSilentError(
    'component_timeout',
    `${component} did not answer within ${timeoutMs} ms (${operation}).`,
    {
      component,
      operation,
      expected: `${program} to end within ${timeoutMs} ms`,
      actual: began ? `${program} still ran, and was ended` : 'an earlier call still had its turn',
      hint: `The device behind ${program} hangs or is busy: run the program by hand, look at the device.`,
    },
  );
}
