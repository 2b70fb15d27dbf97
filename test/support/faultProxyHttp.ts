import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultProxy, GARBAGE, SLOW_MS } from './faultProxy.js';

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: Buffer;
}

/** A fault proxy before a component with a REST interface; its operations are `METHOD /path`. */
export class HttpFaultProxy extends FaultProxy {
  /** Where the component is; may change when the component is replaced. */
  upstream: string;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.socket?.destroy());
  });
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(upstream: string) {
    super();
    this.upstream = upstream;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(upstream: string): Promise<HttpFaultProxy> {
    const proxy = new HttpFaultProxy(upstream);
    await proxy.appear();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    this.vanish();
  }

  protected vanish(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  protected async appear(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const operation = `${request.method} ${request.url}`;
    this.onOperation(operation);
    const { fault } = this;
    if (this.isAbsent) return void response.socket?.destroy();
    if (fault === 'hangs') return;
    if (fault === 'fails') return send(response, 500, 'text/plain', Buffer.from('injected failure'));
    if (fault === 'garbage') return send(response, 200, 'application/json', GARBAGE);
    const answer = await this.#forward(request, body);
    if (fault === 'slow') await delay(SLOW_MS);
    if (fault === 'cuts') return cut(response, answer);
    send(
      response,
      answer.code,
      answer.type,
      fault === 'wrongState' ? this.#disguised(answer.body) : answer.body,
    );
  }

  #disguised(body: Buffer): Buffer {
    const answer = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    this.disguise(answer);
    return Buffer.from(JSON.stringify(answer));
  }

  async #forward({ method, url }: IncomingMessage, body: Buffer): Promise<Answer> {
    const request = httpRequest(`${this.upstream}${url}`, {
      method,
      headers: { 'content-type': 'application/json', 'content-length': body.length },
    });
    request.end(body);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    return {
      code: answer.statusCode ?? 502,
      type: answer.headers['content-type'] ?? 'text/plain',
      body: await readAll(answer),
    };
  }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, code: number, type: string, body: Buffer): void {
  response.writeHead(code, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}

/** The head of the answer and half of its body, and then the connection is gone. */
function cut(response: ServerResponse, { code, type, body }: Answer): void {
  response.writeHead(code, { 'content-type': type, 'content-length': body.length });
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.socket?.destroy());
}
