import { type ChildProcess, fork } from 'node:child_process';
import { ComponentFailedError, ComponentSilentError } from '../contracts/errors.js';
import { PROGRAM_FILES } from '../programFiles.js';
import type { LookupAnswer, LookupRequest } from './lookupProgram.js';
import type { Disk, Location, PathKind, PathLookups } from './pathLookups.js';

/** Processes that not even SIGKILL ends, because the system waits for a disk; then no more are started. */
const MOST_HANGING = 4;
/** A process that was just started answers nobody within this. */
const LEAST_START_MS = 10;

interface Waiting {
  readonly request: LookupRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** On the clock of `performance.now`. */
  readonly deadlineMs: number;
  /** Rejects it because its time is over. */
  readonly late: () => void;
}

/**
 * Looks at paths and disks in a process of its own, which is killed when it hangs. A thread would not do: one that waits
 * for a dead network disk can neither be ended nor left behind, and all threads of a process share four for files.
 */
export class LookupHelper {
  #child: ChildProcess | null = null;
  readonly #waiting = new Map<number, Waiting>();
  readonly #hanging = new Set<ChildProcess>();
  /** To be sent when all that goes on now has asked: one message costs as much as a hundred questions in it. */
  #outbox: LookupRequest[] = [];
  #lastId = 0;
  readonly #fork: () => ChildProcess;

  /** @param forkProgram - Starts the program; for tests. */
  constructor(forkProgram = forkLookups) {
    this.#fork = forkProgram;
  }

  /** Starts the process, so that the first look is as quick as the others. */
  start(): ChildProcess {
    this.#child ??= this.#begin();
    return this.#child;
  }

  /** The process's id; null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Looks that have to be done within a time from now, all of them together: `component_timeout` otherwise. */
  within(timeoutMs: number): PathLookups {
    const deadlineMs = performance.now() + timeoutMs;
    const underWay = new Map<string, Promise<unknown>>();
    const ask = <T>(what: LookupRequest['what'], path: string) => {
      const key = `${what} ${path}`;
      // The files of many pipelines lie in the same few folders.
      const known = underWay.get(key);
      const asked = known ?? this.#ask({ what, path }, { timeoutMs, deadlineMs });
      if (known === undefined) {
        underWay.set(key, asked);
        asked.then(...both(() => underWay.delete(key)));
      }
      return asked as Promise<T>;
    };
    return {
      locate: (path) => ask<Location>('locate', path),
      kind: (path) => ask<PathKind>('kind', path),
      disk: (folder) => ask<Disk>('disk', folder),
    };
  }

  /** Ends the process. */
  close(): void {
    const child = this.#child;
    this.#child = null;
    child?.kill('SIGKILL');
  }

  async #ask(
    question: Omit<LookupRequest, 'id'>,
    { timeoutMs, deadlineMs }: { readonly timeoutMs: number; readonly deadlineMs: number },
  ): Promise<unknown> {
    const leftMs = deadlineMs - performance.now();
    if (this.#hanging.size >= MOST_HANGING) throw notLookedAt(question.path);
    if (leftMs <= 0) throw silent(question.path, timeoutMs);
    this.#lastId += 1;
    const id = this.#lastId;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        const request = { id, ...question };
        const late = () => {
          reject(silent(question.path, timeoutMs));
          this.#waiting.delete(id);
        };
        this.#waiting.set(id, { request, resolve, reject, deadlineMs, late });
        timer = setTimeout(() => {
          late();
          this.#giveUp();
        }, leftMs);
        this.#send(request);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  #send(request: LookupRequest): void {
    this.start();
    if (this.#outbox.push(request) > 1) return;
    process.nextTick(() => {
      const requests = this.#outbox;
      this.#outbox = [];
      // Not those that were given up, in between.
      const open = requests.filter(({ id }) => this.#waiting.has(id));
      if (open.length === 0) return;
      const child = this.start();
      // One that could not be started may have no channel; that is told by an event of its own.
      if (child.connected) child.send(open, ignoreFailure);
    });
  }

  #begin(): ChildProcess {
    const child = this.#fork();
    // Idle, it keeps no program alive; while something is asked, the timer does.
    child.unref();
    child.channel?.unref();
    child.on('message', (answers: readonly LookupAnswer[]) => {
      for (const { id, value, failure } of answers) {
        const waiting = this.#waiting.get(id);
        if (failure === undefined) waiting?.resolve(value);
        else waiting?.reject(Object.assign(new Error(failure.message), { code: failure.code }));
      }
    });
    // Also that it cannot be killed, as it has ended.
    child.on('error', (error) => {
      if (child.pid === undefined) this.#failToStart(child, error);
    });
    child.once('exit', () => {
      this.#hanging.delete(child);
      if (this.#child === child) this.#replace();
    });
    return child;
  }

  /** There is no process, and no exit will be told of it: the next question tries anew. */
  #failToStart(child: ChildProcess, error: NodeJS.ErrnoException): void {
    if (this.#child === child) this.#child = null;
    for (const { reject } of this.#waiting.values()) reject(notStarted(error));
    this.#waiting.clear();
  }

  /** It hangs with one question; those of the others are asked once more, of its successor, if they have the time. */
  #giveUp(): void {
    // Those of one command end together: each would take the successor for one that hangs, and all would be replaced in turn.
    const soonMs = performance.now() + LEAST_START_MS;
    for (const { deadlineMs, late } of this.#waiting.values()) if (deadlineMs < soonMs) late();
    const child = this.#child;
    if (child?.pid === undefined) return;
    this.#hanging.add(child);
    child.kill('SIGKILL');
    this.#replace();
  }

  #replace(): void {
    this.#child = null;
    for (const { request } of this.#waiting.values()) this.#send(request);
  }
}

const both = (work: () => void) => [work, work] as const;

function forkLookups(): ChildProcess {
  return fork(PROGRAM_FILES.lookups, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

/** A process that is gone takes no question; its exit is told by an event of its own. */
const ignoreFailure = () => undefined;

function notStarted(cause: NodeJS.ErrnoException): ComponentFailedError {
  return new ComponentFailedError('component_failed', `The disk cannot be looked at: ${cause.message}.`, {
    component: 'writer',
    operation: 'look at the disk',
    expected: 'a process that looks at the disk',
    actual: cause.message,
    hint: 'Nothing was sent to a component. The machine has no room for another process: see `ulimit -u` and `free`, and repeat it.',
    cause,
  });
}

function silent(path: string, timeoutMs: number): ComponentSilentError {
  return new ComponentSilentError('component_timeout', `Looking at ${path} took more than ${timeoutMs} ms.`, {
    component: 'writer',
    operation: 'look at the disk',
    expected: `an answer of the file system within ${timeoutMs} ms`,
    actual: 'no answer',
    hint: `${diskHangs(path)} limits.lookupTimeoutMs is the time that is waited.`,
  });
}

/** The disks of the looks before hang: nothing was asked, and nothing waited for. */
function notLookedAt(path: string): ComponentSilentError {
  return new ComponentSilentError(
    'component_timeout',
    `${path} was not looked at: ${MOST_HANGING} looks before it still hang.`,
    {
      component: 'writer',
      operation: 'look at the disk',
      expected: `less than ${MOST_HANGING} looks that hang`,
      actual: `${MOST_HANGING}, in processes that the system does not end`,
      hint: `${diskHangs(path)} As soon as the disk answers, so do looks.`,
    },
  );
}

const diskHangs = (path: string) =>
  'Nothing was sent to a component. The disk hangs, most likely a network disk whose server is away: try ' +
  `\`timeout 5 stat -f ${path}\`, or choose another folder.`;
