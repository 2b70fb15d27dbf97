import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** What a fake answers to one request. */
export interface FakeAnswer {
  readonly code?: number;
  readonly body: unknown;
}

export type FakeHandler = (route: string, body: Record<string, unknown>) => FakeAnswer;

/** An HTTP/JSON server in the test's own process, which can be made to hang. */
export class HttpFake {
  /** Method and path of each request, in order of arrival. */
  readonly routes: string[] = [];
  readonly #server: Server;
  #held: (() => void)[] | null = null;

  private constructor(handler: FakeHandler) {
    this.#server = createServer((request, response) => {
      this.routes.push(`${request.method} ${request.url}`);
      const go = () => void answer(handler, request, response);
      if (this.#held === null) go();
      else this.#held.push(go);
    });
  }

  static async open(handler: FakeHandler): Promise<HttpFake> {
    const fake = new HttpFake(handler);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  freeze(): void {
    this.#held = [];
  }

  wake(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const go of held) go();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function answer(handler: FakeHandler, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const { code = 200, body } = handler(
    `${request.method} ${request.url}`,
    text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  );
  response.writeHead(code, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
