import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIA } from './programPath.js';

const LONGEST_WAIT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** How a `dia` process is started. */
export interface DiaOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Given on its standard input. */
  readonly input?: string;
}

/** What a `dia` process came to. */
export interface DiaOutcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `dia` process that runs. */
export class DiaProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<DiaOutcome>;
  #onOutput: () => void = () => undefined;

  constructor(args: readonly string[], { cwd, env, input }: DiaOptions = {}) {
    const { DIA_SERVICE_SOCKET: _, DIA_URL: __, ...inherited } = process.env;
    this.child = spawn(process.execPath, [DIA, ...args], {
      stdio: 'pipe',
      env: { ...inherited, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.child.stdin?.on('error', () => undefined);
    this.child.stdin?.end(input ?? '');
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#onOutput();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#onOutput();
    });
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Waits until `fits` says yes to what is on stdout; fails when the process ends before, or it takes too long. */
  untilStdout(fits: (stdout: string) => boolean): Promise<void> {
    return this.#until(() => fits(this.stdout));
  }

  /** The same for stderr. */
  untilStderr(fits: (stderr: string) => boolean): Promise<void> {
    return this.#until(() => fits(this.stderr));
  }

  async #until(isSeen: () => boolean): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<'seen' | 'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), LONGEST_WAIT_MS);
      this.#onOutput = () => {
        if (isSeen()) resolve('seen');
      };
      this.#onOutput();
    });
    const outcome = await Promise.race([seen, this.ended.then(() => 'ended' as const)]);
    clearTimeout(timer);
    if (outcome === 'seen' || isSeen()) return;
    throw new Error(`Waited in vain (${outcome}).\nstdout:\n${this.stdout}\nstderr:\n${this.stderr}`);
  }
}

/** Folders and `dia` processes of one test file; `end` leaves none of them behind, whatever happened. */
export class Processes {
  readonly #processes: DiaProcess[] = [];
  readonly #folders: string[] = [];

  /** A new temporary folder. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'dia-cli-'));
    this.#folders.push(folder);
    return folder;
  }

  start(args: readonly string[], options: DiaOptions = {}): DiaProcess {
    const process = new DiaProcess(args, options);
    this.#processes.push(process);
    return process;
  }

  /** Runs a command that ends by itself. */
  run(args: readonly string[], options: DiaOptions = {}): Promise<DiaOutcome> {
    return this.start(args, options).ended;
  }

  /** Serves the simulation on a free port, with its data in a temporary folder. */
  async serve(): Promise<{ server: DiaProcess; url: string; data: string }> {
    const data = await this.folder();
    const args = ['serve', 'simulation', '--port', '0', '--host', '127.0.0.1', '--data-dir', data, '--json'];
    const server = this.start(args);
    await server.untilStdout((text) => text.includes('\n'));
    const { url } = JSON.parse(server.stdout) as { url?: string };
    if (url === undefined)
      throw new Error(`dia serve failed:\n${server.stdout}\n${(await server.ended).stderr}`);
    return { server, url, data };
  }

  /** Process ids of the services that a server with this data folder has launched; none once they are ended. */
  async services(data: string): Promise<number[]> {
    return Object.values(await this.namedServices(data));
  }

  /** The same by the services' names. */
  async namedServices(data: string): Promise<Record<string, number>> {
    const text = await readFile(join(data, '.dia', 'services.json'), 'utf8').catch(() => '{}');
    return JSON.parse(text) as Record<string, number>;
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((process) => this.#endOne(process)));
    // Services outlive a server that was killed, or that crashed.
    for (const folder of this.#folders) {
      for (const data of [folder, join(folder, 'data')]) {
        for (const pid of await this.services(data)) kill(pid);
      }
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #endOne(process: DiaProcess): Promise<void> {
    if (process.hasEnded) return;
    process.signal('SIGTERM');
    const force = setTimeout(() => process.signal('SIGKILL'), STOP_TIMEOUT_MS);
    await process.ended;
    clearTimeout(force);
  }
}

/** Whether a process lives. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Process ids of those whose standard output is a file in this folder, also one that is removed by now. */
export async function processesThatWriteInto(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const outputs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/fd/1`).catch(() => '')));
  return pids.filter((_, index) => outputs[index]?.startsWith(`${folder}/`));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
