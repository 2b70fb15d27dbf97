import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A TCP server that does to each request what the test says; counts what reaches it. */
export class MisbehavingServer {
  /** Request lines, in order of arrival. */
  readonly requests: string[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(onRequest: (socket: Socket, requestNumber: number) => void) {
    this.#server = createServer((socket) => {
      this.connections++;
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#open.delete(socket));
      socket.on('data', (data) => {
        this.requests.push(data.toString().split('\r\n')[0] ?? '');
        onRequest(socket, this.requests.length);
      });
    });
  }

  static async listen(
    onRequest: (socket: Socket, requestNumber: number) => void,
  ): Promise<MisbehavingServer> {
    const server = new MisbehavingServer(onRequest);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  get sockets(): Iterable<Socket> {
    return this.#open;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

/** A complete answer as it goes over the wire. */
export function answerText(statusCode: number, body: string, headers = ''): string {
  return `HTTP/1.1 ${statusCode} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}
