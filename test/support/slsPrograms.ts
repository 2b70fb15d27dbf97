import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SlsFakeOptions } from './slsFake.js';

/** Folders of programs, with the detector they speak to. */
const left = new Map<string, ChildProcess>();
process.once('exit', () => {
  for (const [folder, server] of left) {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});

export interface SlsProgramsOptions extends SlsFakeOptions {
  /** How many detectors there are, with the indices from 0 on; 1 by default. */
  readonly detectors?: number;
  /** What sends the frames: a `receiver` to whoever subscribes (default), or the detector to a simulated `backend`. */
  readonly frames?: 'receiver' | 'backend';
}

/** What the fake saw since it was asked last, and the most clients it ever had at a time. */
export interface SlsSeen {
  readonly calls: string[];
  readonly mostClients: number;
}

/**
 * Stand-ins for `sls_detector_get` and `sls_detector_put` in a folder of their own: real programs that speak to
 * one long-lived process, as the real ones speak to the detector's server.
 */
export class SlsPrograms {
  readonly folder: string;
  /** ZeroMQ addresses of the frames, by detector. */
  readonly streams: readonly string[];
  readonly #server: ChildProcess;
  readonly #port: number;

  private constructor(folder: string, server: ChildProcess, at: { port: number; streams: string[] }) {
    this.folder = folder;
    this.streams = at.streams;
    this.#server = server;
    this.#port = at.port;
  }

  static async start(options: SlsProgramsOptions = {}): Promise<SlsPrograms> {
    const path = fileURLToPath(new URL('./slsServer.js', import.meta.url));
    const server = spawn(process.execPath, [path, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (server.stdout === null) throw new Error('no stdout');
    const [line] = await once(createInterface(server.stdout), 'line');
    const at: { port: number; streams: string[] } = JSON.parse(String(line));
    const folder = await mkdtemp(join(tmpdir(), 'dia-sls-programs-'));
    for (const action of ['get', 'put']) {
      await writeFile(join(folder, `sls_detector_${action}`), script(action, at.port), { mode: 0o755 });
    }
    left.set(folder, server);
    return new SlsPrograms(folder, server, at);
  }

  /** ZeroMQ address at which the first detector's receiver publishes its images. */
  get stream(): string {
    return this.streams[0] ?? '';
  }

  freeze(): void {
    this.#server.kill('SIGSTOP');
  }

  wake(): void {
    this.#server.kill('SIGCONT');
  }

  receiver(is: 'alive' | 'dead'): Promise<SlsSeen> {
    return this.#test(`receiver ${is}`);
  }

  /** Fires all detectors that wait for it. */
  trigger(): Promise<SlsSeen> {
    return this.#test('trigger');
  }

  /** What was called since this was asked last. */
  seen(): Promise<SlsSeen> {
    return this.#test('seen');
  }

  /** Ends the detector. The programs stay until the tests end, and cannot connect. */
  async end(): Promise<void> {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    this.#server.kill('SIGKILL');
    await once(this.#server, 'exit');
  }

  async #test(line: string): Promise<SlsSeen> {
    const socket = connect(this.#port, '127.0.0.1');
    socket.write(`test\n.\n${line}\n`);
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) text += chunk;
    const seen: SlsSeen = JSON.parse(text);
    return seen;
  }
}

/** Bash, because it starts as fast as the real programs and can open a socket. */
function script(action: string, port: number): string {
  const refused = 'ERROR: ClientSocket: Cannot connect to Detector:localhost on port 1952';
  return `#!/bin/bash
lost() {
  printf '\\033[31m\\033[1m- 02:05:38.491 ${refused}\\n\\033[0m\\n' >&2
  exit 1
}
{ exec 3<>/dev/tcp/127.0.0.1/${port}; } 2>/dev/null || lost
printf '%s\\n%s\\n%s\\n' ${action} "$PWD" "$*" >&3
read -r code out err <&3 || lost
head -c "$out" <&3
head -c "$err" <&3 >&2
exit "$code"
`;
}
