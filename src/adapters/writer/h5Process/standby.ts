import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { WriterProcess } from './writerProcess.js';

/** A process that has loaded all it needs and waits for its arguments. */
interface Waiting {
  readonly child: ChildProcess;
  readonly process: WriterProcess;
  readonly log: string;
}

/**
 * Keeps processes of our writer in store, so that a run need not wait until one has loaded: that takes longer than all the
 * rest of a start. Each is used for one run like any other, and ends by itself when the controller is gone before.
 */
export class Standby {
  readonly #program: string;
  readonly #logFolder: string;
  readonly #log: string;
  #count = 0;
  readonly #store: Promise<Waiting | null>[] = [];

  constructor(options: { program: string; logFolder: string; component: string }) {
    this.#program = options.program;
    this.#logFolder = options.logFolder;
    this.#log = join(options.logFolder, `${options.component}.standby`);
  }

  /** Starts as many as are missing. Never throws: without them a run starts a process of its own. */
  prepare(count: number): void {
    while (this.#store.length < count) this.#store.push(this.#start().catch(() => null));
  }

  /**
   * Gives the arguments of a run to the process that waits longest, whose outputs go to `log` from now on, behind `firstLine`; null
   * when there is none, or none that can write there. Never throws: what has its arguments is the caller's to end.
   */
  async take(
    args: readonly string[],
    { log, firstLine }: { log: string; firstLine: string },
  ): Promise<WriterProcess | null> {
    const waiting = await this.#store.shift();
    if (waiting == null) return null;
    const isReady =
      (await waiting.process.runs()) &&
      (await rename(waiting.log, log).then(
        () => true,
        () => false,
      ));
    if (!isReady) {
      // Where somebody has cleared the folder, it would write into a file that nobody sees.
      await end(waiting);
      return null;
    }
    // A log that cannot be written is no reason to lose frames.
    await appendFile(log, firstLine).catch(() => undefined);
    waiting.child.stdin?.end(`${JSON.stringify(args)}\n`);
    return waiting.process;
  }

  /** Ends all that wait. */
  async close(): Promise<void> {
    for (const waiting of await Promise.all(this.#store.splice(0))) if (waiting !== null) await end(waiting);
  }

  async #start(): Promise<Waiting> {
    this.#count += 1;
    await mkdir(this.#logFolder, { recursive: true });
    const log = `${this.#log}${this.#count}.${process.pid}.log`;
    const handle = await open(log, 'a');
    try {
      const child = spawn(process.execPath, [this.#program, '--standby'], {
        detached: true,
        stdio: ['pipe', handle.fd, handle.fd],
      });
      // It may end while it is told.
      child.stdin?.on('error', () => undefined);
      if (child.stdin instanceof Socket) child.stdin.unref();
      return { child, process: await WriterProcess.of(child), log };
    } finally {
      await handle.close();
    }
  }
}

async function end({ child, process, log }: Waiting): Promise<void> {
  child.stdin?.destroy();
  await process.signal('SIGKILL');
  await rm(log, { force: true }).catch(() => undefined);
}
