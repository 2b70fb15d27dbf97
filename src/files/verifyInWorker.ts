import { Worker } from 'node:worker_threads';
import type { CallOptions } from '../contracts/component.js';
import { ComponentFailedError, ComponentSilentError } from '../contracts/errors.js';
import { PROGRAM_FILES } from '../programFiles.js';
import type { FileFacts, VerifyOptions } from './verifyFile.js';
import type { VerifyAnswer, VerifyRequest } from './verifyWorker.js';

interface Waiting {
  readonly resolve: (answer: VerifyAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** The thread that reads files. One for all callers; made when it is needed, made anew when it hangs. */
class VerifyThread {
  readonly #worker = new Worker(PROGRAM_FILES.verifyWorker, {
    // The program's own flags may not suit a thread.
    execArgv: [],
  });
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (answer: VerifyAnswer) => this.#settle(answer.id)?.resolve(answer));
    this.#worker.on('error', (error) => this.#abandon(error));
    this.#worker.on('exit', () => this.#abandon(new Error('The thread that reads files ended.')));
  }

  ask(path: string | null, isThorough: boolean): { answer: Promise<VerifyAnswer>; forget: () => void } {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<VerifyAnswer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    // An idle thread keeps no program alive; one with work does.
    this.#worker.ref();
    const request: VerifyRequest = { id, path, isThorough };
    this.#worker.postMessage(request);
    return { answer, forget: () => this.#settle(id) };
  }

  /** Gives the thread up, with everything it was asked. */
  abandon(): void {
    // Not awaited: a thread inside a system call that hangs ends only when the call does.
    void this.#worker.terminate();
    this.#abandon(new Error('The thread that reads files was given up because it hung.'));
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }

  #abandon(error: Error): void {
    if (thread === this) thread = null;
    this.#worker.unref();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

let thread: VerifyThread | null = null;

function currentThread(): VerifyThread {
  thread ??= new VerifyThread();
  return thread;
}

/** Starts the thread and loads the HDF5 library into it, so that the first verification is as quick as the others. */
export async function prepareVerification(): Promise<void> {
  await currentThread().ask(null, false).answer;
}

export type VerifyCallOptions = CallOptions & VerifyOptions;

/**
 * Verifies a file in a thread of its own: a disk that hangs never blocks the caller.
 *
 * @throws ComponentFailedError `file_invalid` when it cannot be read; ComponentSilentError `component_timeout` when the
 * disk did not answer in time; the signal's reason when aborted.
 */
export async function verifyInWorker(path: string, options: VerifyCallOptions): Promise<FileFacts> {
  const { signal, timeoutMs, isThorough = false } = options;
  signal.throwIfAborted();
  const asked = currentThread();
  const { answer, forget } = asked.ask(path, isThorough);
  const bound = AbortSignal.timeout(timeoutMs);
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.aborted ? signal.reason : silent(path, timeoutMs));
    signal.addEventListener('abort', onAbort, { once: true });
    bound.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const { facts, failure } = await Promise.race([answer, aborted]);
    if (facts !== null) return facts;
    throw new ComponentFailedError('file_invalid', failure?.message ?? `Cannot read ${path}.`, {
      component: 'writer',
      operation: 'verify the file',
      expected: 'a readable HDF5 file',
      actual: failure?.actual ?? null,
      hint: "Look at the writer's log for why it could not close the file.",
    });
  } catch (error) {
    // It may hang in the file system, and everybody who asks next behind it.
    if (error instanceof ComponentSilentError) asked.abandon();
    throw error;
  } finally {
    forget();
    signal.removeEventListener('abort', onAbort);
    bound.removeEventListener('abort', onAbort);
  }
}

function silent(path: string, timeoutMs: number): ComponentSilentError {
  return new ComponentSilentError('component_timeout', `Reading ${path} took more than ${timeoutMs} ms.`, {
    component: 'writer',
    operation: 'verify the file',
    expected: `an answer within ${timeoutMs} ms`,
    actual: 'no answer from the disk',
    hint: 'Check that the file system is mounted and not overloaded.',
  });
}
