import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ComponentFailedError } from '../../../contracts/errors.js';
import { identify, type ProcessIdentity, stillRuns } from '../../../services/processIdentity.js';

/** How a process is started. */
export interface Launch {
  /** Name of the component in errors. */
  readonly component: string;
  readonly executable: string;
  readonly args: readonly string[];
  /** File descriptor for both outputs. */
  readonly logFd: number;
  /** User and group to run as; null: ours. */
  readonly ownerId: number | null;
}

/** How a process ended; `unknown` when it was not our child. */
export type Exit = { readonly code: number | null; readonly signal: string | null } | 'unknown';

/** A writer's process: started by this controller, or by one before it. */
export class WriterProcess {
  readonly identity: ProcessIdentity;
  #exit: Exit | null = null;
  #exited: Promise<void> | null = null;

  private constructor(identity: ProcessIdentity) {
    this.identity = identity;
  }

  /**
   * Starts it without a shell, in a group of its own, so that neither our end nor a Ctrl-C ends it.
   *
   * @throws ComponentFailedError `component_failed` when the system does not start it.
   */
  static async start(launch: Launch): Promise<WriterProcess> {
    const { component, executable, args, logFd, ownerId } = launch;
    try {
      const child = spawn(executable, [...args], {
        detached: true,
        shell: false,
        stdio: ['ignore', logFd, logFd],
        ...(ownerId === null ? {} : { uid: ownerId, gid: ownerId }),
      });
      return await WriterProcess.of(child);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ComponentFailedError('component_failed', `${component} cannot be started: ${why}.`, {
        component,
        operation: 'start',
        expected: `a program ${executable} that may be executed`,
        actual: why,
        hint: `Check the option command of ${component} in deployment.yaml, and the permissions of the program.`,
        cause,
      });
    }
  }

  /** Our child, once it runs; rejects when the system does not start it. */
  static async of(child: ChildProcess): Promise<WriterProcess> {
    await once(child, 'spawn');
    child.unref();
    const pid = child.pid ?? 0;
    const identity = (await identify(pid)) ?? { pid, startTicks: -1, bootId: '' };
    const started = new WriterProcess(identity);
    started.#exited = new Promise((resolve) => {
      const note = () => {
        started.#exit = { code: child.exitCode, signal: child.signalCode };
        resolve();
      };
      if (child.exitCode !== null || child.signalCode !== null) note();
      else child.once('exit', note);
    });
    return started;
  }

  /** A process that an earlier controller started; it may have ended since. */
  static adopt(identity: ProcessIdentity): WriterProcess {
    return new WriterProcess(identity);
  }

  /** How it ended; null until `runs` has said no. */
  get exit(): Exit | null {
    return this.#exit;
  }

  /** Resolves when it has ended; null for a process that another controller started: the system does not tell us. */
  get exited(): Promise<void> | null {
    return this.#exited;
  }

  async runs(): Promise<boolean> {
    if (this.#exit !== null) return false;
    if (this.#exited !== null || (await stillRuns(this.identity))) return true;
    this.#exit = 'unknown';
    return false;
  }

  /** Sends a signal to it and to what it started; nothing happens when it has ended. */
  async signal(name: NodeJS.Signals): Promise<void> {
    if (!(await this.runs())) return;
    for (const target of [-this.identity.pid, this.identity.pid]) {
      try {
        process.kill(target, name);
        return;
      } catch {
        // It is ending, or leads no group.
      }
    }
  }
}
