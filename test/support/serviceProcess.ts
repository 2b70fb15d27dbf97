import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program of this project, run as a process of its own as if started by hand. */
export class ServiceProcess {
  readonly endpoints: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #log: string[];

  private constructor(child: ChildProcess, endpoints: Record<string, string>, log: string[]) {
    this.#child = child;
    this.endpoints = endpoints;
    this.#log = log;
  }

  /** Starts `src/<program>.js` and waits until it prints its endpoints. */
  static async start(
    program: string,
    args: readonly string[] = [],
    environment: Record<string, string> = {},
  ): Promise<ServiceProcess> {
    const { child, log } = spawnProgram(program, args, environment);
    const exit = once(child, 'exit').then(([code]) => {
      throw new Error(`${program} ended with ${code} before it was ready:\n${log.join('\n')}`);
    });
    exit.catch(() => undefined);
    if (child.stdout === null) throw new Error('no stdout');
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exit]);
    return new ServiceProcess(child, JSON.parse(String(line)).endpoints, log);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  endpoint(name: string): string {
    const endpoint = this.endpoints[name];
    if (endpoint === undefined) throw new Error(`no endpoint ${name}: ${Object.keys(this.endpoints)}`);
    return endpoint;
  }

  /** Everything it wrote to stderr. */
  get log(): string {
    return this.#log.join('\n');
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    if (this.#child.signalCode !== null) return this.#child.signalCode;
    const [code, signal] = await once(this.#child, 'exit');
    return code ?? signal;
  }

  async stop(): Promise<number | string> {
    // A stopped process does not see its signals.
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    return await this.ended();
  }
}

/** Runs a program that is expected to end by itself; answers its exit code and stderr. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ code: number | null; log: string }> {
  const { child, log } = spawnProgram(program, args, environment);
  const [code] = await once(child, 'close');
  return { code, log: log.join('\n') };
}

function spawnProgram(program: string, args: readonly string[], environment: Record<string, string>) {
  const path = fileURLToPath(new URL(`../../src/${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  // A test that fails before it can clean up must neither keep the test run alive nor leave a process behind.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
  running.add(child);
  child.once('exit', () => running.delete(child));
  const log: string[] = [];
  createInterface(child.stderr).on('line', (line) => log.push(line));
  return { child, log };
}
