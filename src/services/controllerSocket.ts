import { createHash } from 'node:crypto';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { WrongStateError } from '../contracts/errors.js';

/** What a service told of itself. */
export interface Hello {
  readonly name: string;
  readonly pid: number;
  readonly endpoints: Readonly<Record<string, string>>;
}

export interface ControllerSocketOptions {
  /** The deployment's state folder: one controller at a time may hold it. */
  readonly stateFolder: string;
  readonly onHello: (hello: Hello, connection: Socket) => void;
}

const ANSWER_TIMEOUT_MS = 1_000;
/** sockaddr_un has 108 bytes, the last one for the end. */
const LONGEST_SOCKET_PATH = 100;
const LONGEST_LINE = 65_536;

/**
 * The Unix socket by which services know that their controller lives, and by which a second controller of the
 * same deployment learns that there is a first.
 */
export class ControllerSocket {
  private socketPath = '';
  private readonly options: ControllerSocketOptions;
  private readonly connections = new Set<Socket>();
  private server: Server | null = null;

  constructor(options: ControllerSocketOptions) {
    this.options = options;
  }

  /** Where it listens. */
  get path(): string {
    return this.socketPath;
  }

  /** Begins to listen. Throws `already_running` when another controller holds the state folder. */
  async open(): Promise<void> {
    this.socketPath = await socketPathOf(this.options.stateFolder);
    const holder = await askHolder(this.path);
    if (holder !== null) {
      throw new WrongStateError(
        'already_running',
        `Another controller (process ${holder}) runs this deployment.`,
        {
          operation: 'serve',
          expected: `nobody else with the state folder ${this.options.stateFolder}`,
          actual: `process ${holder}`,
          hint: 'Use the one that runs, stop it, or give this one another data folder with --data-dir.',
        },
      );
    }
    await rm(this.path, { force: true });
    const server = createServer((connection) => this.serve(connection));
    await new Promise<void>((resolve_, reject) => {
      server.once('error', reject);
      server.listen(this.path, resolve_);
    });
    this.server = server;
  }

  async close(): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    for (const connection of this.connections) connection.destroy();
    await new Promise<void>((resolve_) => server.close(() => resolve_()));
  }

  private serve(connection: Socket): void {
    this.connections.add(connection);
    connection.on('close', () => this.connections.delete(connection));
    // What breaks here is a service that ended; its 'close' tells all there is to know.
    connection.on('error', () => connection.destroy());
    onLines(connection, (message) => {
      if ('who' in message) connection.write(`${JSON.stringify({ controller_pid: process.pid })}\n`);
      const { hello } = message as { hello?: Hello };
      if (hello === undefined) return;
      connection.write(`${JSON.stringify({ welcome: { controller_pid: process.pid } })}\n`);
      this.options.onHello(hello, connection);
    });
  }
}

/** In the state folder, by whatever name that is called; paths too long for a socket are named by their hash. */
async function socketPathOf(stateFolder: string): Promise<string> {
  const folder = await realpath(stateFolder);
  const path = join(folder, 'controller.sock');
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const own = join('/tmp', `dia-${userInfo().uid}`);
  await mkdir(own, { recursive: true, mode: 0o700 });
  return join(own, `${hash}.sock`);
}

/** Process id of the controller that listens at `path`; null when nobody does. */
function askHolder(path: string): Promise<number | null> {
  return new Promise((resolve_) => {
    const socket = connect(path);
    const end = (pid: number | null) => {
      socket.destroy();
      resolve_(pid);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(0));
    socket.on('error', () => end(null));
    socket.on('connect', () => socket.write(`${JSON.stringify({ who: {} })}\n`));
    onLines(socket, (message) => end(Number(message.controller_pid ?? 0)));
  });
}

function onLines(socket: Socket, listener: (message: Record<string, unknown>) => void): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    if (text.length > LONGEST_LINE) socket.destroy();
    for (const line of lines) {
      try {
        const message: unknown = JSON.parse(line);
        if (typeof message === 'object' && message !== null) listener(message as Record<string, unknown>);
      } catch {
        // Whoever speaks nonsense here is no service of ours.
        socket.destroy();
        return;
      }
    }
  });
}
