import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulatedDeployment, writeDeployment } from '../test/support/integration.js';
import { DiaProcess } from '../test/support/processes.js';
import { Api } from './api.js';

/** What a served integration is made of. */
export interface ServingOptions {
  /** Frame shape, `rows`x`columns`. */
  readonly shape: string;
  /** What differs from the deployment of the simulation programs. */
  readonly settings?: (standard: Record<string, unknown>, folder: string) => Record<string, unknown>;
  /** Done when the deployment is written. */
  readonly beforeStart?: () => Promise<void>;
}

/** `dia serve` as a process of its own, with all of its services, in a temporary folder. */
export class Serving {
  readonly api: Api;
  readonly folder: string;
  readonly process: DiaProcess;

  private constructor(parts: { api: Api; folder: string; process: DiaProcess }) {
    this.api = parts.api;
    this.folder = parts.folder;
    this.process = parts.process;
  }

  static async start({ shape, settings, beforeStart }: ServingOptions): Promise<Serving> {
    const folder = await mkdtemp(join(tmpdir(), 'dia-bench-'));
    const { limits: _, ...standard } = simulatedDeployment(shape);
    await writeDeployment(folder, { ...standard, ...settings?.(standard, folder) });
    await beforeStart?.();
    const data = join(folder, 'data');
    const process = new DiaProcess(['serve', folder, '--port', '0', '--data-dir', data, '--json']);
    await process.untilStdout((text) => text.includes('\n'));
    const { url } = JSON.parse(process.stdout) as { url: string };
    return new Serving({ api: await Api.connect(url), folder, process });
  }

  /** Path of an output file. */
  file(name: string): string {
    return join(this.folder, 'data', name);
  }

  /** Lines of a log in the state folder, without one that is just being written. */
  async log(name: string): Promise<string[]> {
    const text = await readFile(join(this.folder, 'data', '.dia', name), 'utf8').catch(() => '');
    return text.split('\n').slice(0, -1);
  }

  async close(): Promise<void> {
    this.api.close();
    this.process.signal('SIGTERM');
    await this.process.ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A port that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
