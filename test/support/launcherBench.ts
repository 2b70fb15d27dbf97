import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LauncherOptions, type ServiceCommand, ServiceLauncher } from '../../src/services/launcher.js';
import { until } from './calls.js';

/**
 * Says that it is ready, by the pid of its second argument if there is one, and stays, whether or not its controller does;
 * ends at once where its first argument is a file.
 */
const SERVICE = `
if (require('node:fs').existsSync(process.argv[1] ?? '')) process.exit(3);
const { DIA_SERVICE_SOCKET: path, DIA_SERVICE_NAME: name } = process.env;
const pid = Number(process.argv[2]) || process.pid;
const hello = JSON.stringify({ hello: { name, pid, endpoints: { http: 'http://127.0.0.1:1' } } });
const connect = () => {
  const socket = require('node:net').connect(path, () => socket.write(hello + '\\n'));
  socket.on('error', () => undefined);
  // Unread data would hide the end of the connection.
  socket.resume();
  // One that goes by another's pid is ended by nobody else.
  socket.on('close', () => (pid === process.pid ? setTimeout(connect, 20) : process.exit()));
};
connect();
`;

/** A state folder, launchers in it, one after the other, and processes; nothing of them is left by `end`. */
export class LauncherBench {
  readonly stateFolder: string;
  /** What the launchers said, each with its level. */
  readonly messages: string[] = [];
  /** Which of the restarts it was, of messages about them. */
  readonly counts: number[] = [];
  /** Told of each message. */
  onMessage: (text: string) => void = () => undefined;
  readonly #launchers: ServiceLauncher[] = [];
  readonly #others: ChildProcess[] = [];

  private constructor(stateFolder: string) {
    this.stateFolder = stateFolder;
  }

  static async open(): Promise<LauncherBench> {
    return new LauncherBench(await mkdtemp(join(tmpdir(), 'dia-launcher-')));
  }

  async launcher(options: Partial<LauncherOptions> = {}): Promise<ServiceLauncher> {
    const launcher = new ServiceLauncher({
      stateFolder: this.stateFolder,
      onMessage: (level, text, { count }) => {
        if (typeof count === 'number') this.counts.push(count);
        this.messages.push(`${level}: ${text}`);
        this.onMessage(text);
      },
      ...options,
    });
    await launcher.open();
    this.#launchers.push(launcher);
    return launcher;
  }

  /** A service that says at once that it is ready, and does not start as long as there is a file `broken`. */
  command(name: string): ServiceCommand {
    return { name, executable: process.execPath, args: ['-e', SERVICE, this.broken], lingerMs: 60_000 };
  }

  get broken(): string {
    return join(this.stateFolder, 'broken');
  }

  /** Waits for a message with this in it. */
  async said(text: string): Promise<void> {
    await until(
      () => this.messages,
      (messages) => messages.some((message) => message.includes(text)),
      20_000,
    );
  }

  /** Process ids by name, as they are noted. */
  async pids(): Promise<Record<string, number>> {
    return JSON.parse(await readFile(join(this.stateFolder, 'services.json'), 'utf8'));
  }

  /** Rewrites all notes about services. */
  async changeNotes(change: (text: string) => string): Promise<void> {
    for (const name of await readdir(this.stateFolder)) {
      if (!/^services.*\.json$/.test(name)) continue;
      const path = join(this.stateFolder, name);
      await writeFile(path, change(await readFile(path, 'utf8')));
    }
  }

  /** A process that has nothing to do with any of this. */
  async stranger(): Promise<ChildProcess & { readonly pid: number }> {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    this.#others.push(child);
    await once(child, 'spawn');
    return child as ChildProcess & { readonly pid: number };
  }

  async end(): Promise<void> {
    await Promise.all(this.#launchers.map((launcher) => launcher.kill()));
    for (const launcher of this.#launchers) await launcher.close();
    for (const other of this.#others) other.kill('SIGKILL');
    await rm(this.stateFolder, { recursive: true, force: true });
  }
}
