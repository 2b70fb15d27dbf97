import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type RunningServer, type ServerOptions, startServer } from '../../src/api/server.js';
import { FakeIntegration } from './apiFake.js';

/** A line that the API logged. */
export interface LogLine {
  readonly level: 'access' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A real server on a free port, in front of an integration in memory. */
export interface TestServer extends RunningServer {
  readonly fake: FakeIntegration;
  readonly log: LogLine[];
}

/** Starts the API for a test; `close()` it afterwards. */
export async function startTestServer(
  options: Partial<Omit<ServerOptions, 'integration'>> & { integration?: FakeIntegration } = {},
): Promise<TestServer> {
  const fake = options.integration ?? new FakeIntegration();
  const log: LogLine[] = [];
  const line = (level: LogLine['level']) => (message: string, fields: Record<string, unknown>) => {
    log.push({ level, message, fields });
  };
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    version: '0.1.0',
    logger: { info: line('info'), access: line('access'), warn: line('warn'), error: line('error') },
    ...options,
    integration: fake,
  });
  return { ...server, fake, log };
}

/** An answer of the API: the status code, the headers and the parsed envelope. */
export interface ApiAnswer {
  readonly httpStatus: number;
  readonly headers: Headers;
  readonly body: {
    state: string;
    status: string;
    error?: Record<string, unknown>;
    [added: string]: unknown;
  };
}

/** Sends a request with a JSON body, or with the raw one given. */
export async function ask(
  server: RunningServer,
  request: string,
  options: { json?: unknown; raw?: string | Uint8Array; headers?: Record<string, string> } = {},
): Promise<ApiAnswer> {
  const [method = 'GET', path = '/'] = request.split(' ');
  const body = options.json === undefined ? options.raw : JSON.stringify(options.json);
  const answer = await fetch(server.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...options.headers },
    ...(body === undefined ? {} : { body }),
  });
  return { httpStatus: answer.status, headers: answer.headers, body: parse(await answer.text()) };
}

/** Sends bytes as they are over a connection of its own, and answers all that comes back until it closes. */
export async function sendRaw(server: RunningServer, bytes: string | Buffer): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  socket.end(bytes);
  return text(socket);
}

function parse(answer: string): ApiAnswer['body'] {
  return answer === '' ? { state: '', status: '' } : JSON.parse(answer);
}
