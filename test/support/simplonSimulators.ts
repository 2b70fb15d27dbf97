import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const TICKIT = fileURLToPath(new URL('../../../test/support/tickitEiger.py', import.meta.url));
const MAKE_FRAMES = fileURLToPath(new URL('../../../test/support/makeEigerFrames.py', import.meta.url));
const LONGEST_START_MS = 20_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A simulated Eiger that others wrote, as a process of its own. */
export interface EigerSimulator {
  readonly url: string;
  /** ZeroMQ endpoint of stream version 1. */
  readonly legacyStream: string;
  /** ZeroMQ endpoint of stream version 2; the same where there is none. */
  readonly cborStream: string;
  signal(name: NodeJS.Signals): void;
  /** Puts a value straight into its configuration: `detector/api/1.8.0/config/nimages`. */
  put(path: string, value: unknown): Promise<void>;
  end(): Promise<void>;
}

/** Diamond's simulated EIGER2 16M (tickit-devices): it streams images recorded from a real one. */
export async function startTickitEiger(python: string): Promise<EigerSimulator> {
  const folder = mkdtempSync(join(tmpdir(), 'dia-tickit-'));
  const [port, legacyPort, cborPort] = await freePorts(3);
  const config = join(folder, 'eiger.yaml');
  const eiger = {
    type: 'tickit_devices.eiger.Eiger',
    name: 'eiger',
    inputs: {},
    host: '127.0.0.1',
    port,
    stream_host: '127.0.0.1',
    stream_legacy_port: legacyPort,
    stream_cbor_port: cborPort,
  };
  writeFileSync(config, stringify([eiger]));
  return simulator({
    command: [python, TICKIT, config],
    folder,
    url: `http://127.0.0.1:${port}`,
    looksAt: '/detector/api/1.8.0/status/state',
    legacyStream: `tcp://127.0.0.1:${legacyPort}`,
    cborStream: `tcp://127.0.0.1:${cborPort}`,
  });
}

/** Frames for ALBA's simulator. */
export interface AlbaFrames {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly compression?: 'lz4' | 'bslz4';
}

/** ALBA's eiger-simulator: version 1.6.0 of the API, stream version 1, software triggers only. */
export async function startAlbaEiger(python: string, images: AlbaFrames): Promise<EigerSimulator> {
  const folder = mkdtempSync(join(tmpdir(), 'dia-alba-'));
  const { rows, columns, frames, compression = 'bslz4' } = images;
  execFileSync(python, [MAKE_FRAMES, folder, String(rows), String(columns), String(frames)]);
  const [port, streamPort] = await freePorts(2);
  const stream = `tcp://127.0.0.1:${streamPort}`;
  const started = await simulator({
    command: [
      python,
      ...['-c', 'from eigersim.server import main; main()', '--host', '127.0.0.1', '--port', String(port)],
      ...['--zmq', stream, '--dataset', folder, '--default-compression', compression],
    ],
    folder,
    url: `http://127.0.0.1:${port}`,
    looksAt: '/detector/api/1.6.0/status/state',
    legacyStream: stream,
    cborStream: stream,
  });
  // It sends the shape it is configured with, whatever its frames are.
  await started.put('detector/api/1.6.0/config/x_pixels_in_detector', columns);
  await started.put('detector/api/1.6.0/config/y_pixels_in_detector', rows);
  return started;
}

interface Description {
  readonly command: readonly string[];
  readonly folder: string;
  readonly url: string;
  readonly looksAt: string;
  readonly legacyStream: string;
  readonly cborStream: string;
}

async function simulator({
  command,
  folder,
  url,
  looksAt,
  ...streams
}: Description): Promise<EigerSimulator> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
  running.add(child);
  let log = '';
  child.stderr.on('data', (text: Buffer) => {
    log = (log + text.toString()).slice(-4000);
  });
  const exited = once(child, 'exit');
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const end = async () => {
    child.kill('SIGKILL');
    if (!isOver()) await exited;
    running.delete(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + LONGEST_START_MS;
  while (!(await answers(url + looksAt))) {
    if (!isOver() && performance.now() < deadline) {
      await pause(20);
      continue;
    }
    await end();
    throw new Error(`${command.join(' ')} did not start:\n${log}`);
  }
  return {
    url,
    ...streams,
    signal: (name) => child.kill(name),
    put: async (path, value) => {
      const body = JSON.stringify({ value });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/${path}`, { method: 'PUT', headers, body });
      // ALBA's simulator sets the value, and stumbles over its own answer for some of them.
      await answer.arrayBuffer();
    },
    end,
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );
}

/** Ports that were free a moment ago: these programs cannot choose their own. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address !== null && typeof address === 'object') ports.push(address.port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}
