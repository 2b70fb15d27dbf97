import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../src/writer/program.js', import.meta.url));
const LONGEST_WAIT_MS = 10_000;

/** What the writer's REST interface answered. */
export interface RestAnswer {
  readonly code: number;
  readonly body: Record<string, unknown>;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running writer program. */
export class WriterProgram {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ending>;
  #stderr = '';
  url = '';
  /** The file it announced, in process mode. */
  file = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as Ending);
  }

  /** Starts it with these arguments; resolves once it has printed its endpoints, or ended. */
  static async start(args: readonly string[], command: readonly string[] = []): Promise<WriterProgram> {
    const [executable = '', ...rest] = [...command, process.execPath, PROGRAM, ...args];
    const { DIA_SERVICE_SOCKET: _, ...env } = process.env;
    const program = new WriterProgram(spawn(executable, rest, { stdio: ['ignore', 'pipe', 'pipe'], env }));
    const lines = createInterface({ input: program.#child.stdout as NodeJS.ReadableStream });
    const announced = once(lines, 'line').then(([line]) => {
      const { endpoints, file } = JSON.parse(String(line)) as { endpoints: { http: string }; file?: string };
      program.url = endpoints.http;
      program.file = file ?? '';
    });
    await Promise.race([announced, program.ended]);
    return program;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  async rest(method: string, path: string, body?: unknown): Promise<RestAnswer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { code: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Asks until the statistics and status are as wanted. */
  async untilStatus(wanted: Record<string, unknown>): Promise<Record<string, unknown>> {
    return until(`the writer to report ${JSON.stringify(wanted)}`, async () => {
      const { body } = await this.rest('GET', '/status');
      return Object.entries(wanted).every(([name, value]) => body[name] === value) ? body : null;
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it by force, if it has not ended. */
  async dispose(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.ended;
  }

  async openHandles(): Promise<number> {
    return (await readdir(`/proc/${this.pid}/fd`)).length;
  }
}

/** Looks again and again until `look` answers something else than null. */
export async function until<T>(what: string, look: () => T | null | Promise<T | null>): Promise<T> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await delay(5);
  }
}
