import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const REQUEST_LINE = /(?:GET|POST) \/[^ ]* HTTP\/1\.1\r\n/g;

/** Passes connections on to a port of this machine, and counts the HTTP requests that go by. */
export class CountingProxy {
  readonly url: string;
  requests = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (near) => this.#pass(near, connect({ port, host: '127.0.0.1', noDelay: true })));
  }

  static async start(port: number): Promise<CountingProxy> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CountingProxy(server, port);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(near: Socket, far: Socket): void {
    near.on('data', (bytes: Buffer) => {
      // A request that is cut in two would go uncounted; those of status queries are far shorter than a segment.
      this.requests += bytes.toString('latin1').match(REQUEST_LINE)?.length ?? 0;
    });
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.once('error', () => other.destroy());
      one.once('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
