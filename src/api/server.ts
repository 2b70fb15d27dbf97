import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type DiaError, InvalidRequestError, toDiaError, WrongStateError } from '../contracts/errors.js';
import type { Certificates } from './access/certificates.js';
import { type AppOptions, createApp } from './app.js';
import { announcesBody } from './bodyReader.js';
import { errorEnvelope } from './errorTable.js';
import { newRequestId } from './requestId.js';

/** How long a request may take to come in; answers may take longer. */
const REQUEST_TIMEOUT_MS = 60_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** Longer than clients and proxies usually keep idle connections, so that they are the ones to close. */
const KEEP_ALIVE_MS = 65_000;
const CONNECTION_CHECK_MS = 5_000;
/** How long commands under way may take to be answered when the server closes. */
const CLOSE_GRACE_MS = 5_000;
const IDLE_SWEEP_MS = 50;
const PROBE_TIMEOUT_MS = 1_000;

/** What a server is started with. */
export interface ServerOptions extends AppOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Serves https; without them http. */
  readonly certificates?: Certificates | null;
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Ends event streams, lets requests under way finish (at most 5 s), closes all connections. */
  close(): Promise<void>;
}

/**
 * Starts the REST API.
 * Throws `already_running` when the port is taken, `invalid_deployment` when the address cannot be used.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { koa, streams } = createApp(options);
  const answer = koa.callback();
  const server = newServer(options.certificates ?? null, answer);
  // A body that is refused for its announced size or place need not be sent at all.
  server.on('checkContinue', (request: IncomingMessage, response) => {
    const limit = options.bodyLimitBytes ?? 1024 * 1024;
    const fits = Number(request.headers['content-length'] ?? 0) <= limit;
    if (fits && announcesBody(request)) response.writeContinue();
    answer(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuse(error, socket as Socket, options),
  );
  const unused = unusedConnections(server);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.certificates ? 'https' : 'http'}://${urlHost(options.host)}:${port}`,
    port,
    close: () => {
      streams.close();
      for (const socket of unused) socket.destroy();
      return close(server);
    },
  };
}

function newServer(certificates: Certificates | null, answer: RequestListener): Server {
  const limits = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CONNECTION_CHECK_MS,
  };
  if (certificates === null) return createServer(limits, answer);
  const { cert, key } = certificates;
  return createTlsServer({ ...limits, cert, key, handshakeTimeout: HEADERS_TIMEOUT_MS }, answer);
}

async function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (thrown) {
    throw await listenError(thrown, host, port);
  }
}

async function listenError(thrown: unknown, host: string, port: number): Promise<DiaError> {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const place = { component: 'api', operation: `listen on ${host}:${port}`, cause: thrown };
  if (code === 'EADDRINUSE') {
    const holder = await whoServes(host, port);
    return new WrongStateError('already_running', `Port ${port} on ${host} is already in use by ${holder}.`, {
      ...place,
      expected: 'a free port',
      actual: holder,
      hint: `Choose another port with --port or DIA_PORT, or stop what holds this one: \`ss -ltnp 'sport = :${port}'\` names it.`,
    });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const reason =
      code === 'EACCES' ? `port ${port} needs more rights` : `${host} is not an address of this machine`;
    return new InvalidRequestError('invalid_deployment', `Cannot listen on ${host}:${port}: ${reason}.`, {
      ...place,
      expected: 'an address of this machine and a port above 1023',
      actual: `${host}:${port}`,
      hint: 'Set --host and --port (or DIA_HOST and DIA_PORT); 127.0.0.1 serves this machine only, 0.0.0.0 the network.',
    });
  }
  return toDiaError(thrown);
}

/** Asks the holder of a port whether it is a dia. */
async function whoServes(host: string, port: number): Promise<string> {
  try {
    const url = `http://${urlHost(host)}:${port}/api/v1/info`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    const body: unknown = await answer.json();
    // One that asks for a token answers an error, in the same envelope.
    const isOurs = typeof body === 'object' && body !== null && ('server_info' in body || 'error' in body);
    if (isOurs && 'state' in body) return 'another dia';
  } catch {
    // Whatever it is, it does not speak this API.
  }
  return 'another program (or one that does not answer)';
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Answers what is not even HTTP, or came too slowly, in the same envelope. */
function refuse(error: NodeJS.ErrnoException, socket: Socket, { logger }: ServerOptions): void {
  // Who does not even speak TLS could not read an answer.
  const isTlsFault = /^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(error.code ?? '');
  if (error.code === 'ECONNRESET' || isTlsFault || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const requestId = newRequestId();
  const failure = new InvalidRequestError(
    'invalid_body',
    `The request is not valid HTTP: ${STATUS_CODES[status]}.`,
    {
      component: 'api',
      expected: 'HTTP/1.1',
      actual: error.code ?? error.message,
      hint: 'Check the client, and what stands between it and this server.',
    },
  );
  logger.warn(failure.message, { requestId, client: socket.remoteAddress, code: error.code });
  const body = JSON.stringify(errorEnvelope(failure, { requestId, operation: 'read the request' }));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      'X-Content-Type-Options: nosniff',
      `X-Request-Id: ${requestId}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/**
 * Connections without a request so far, as browsers open them in advance; Node does not count them as
 * idle, and would wait for their first request.
 */
function unusedConnections(server: Server): Set<Socket> {
  const unused = new Set<Socket>();
  const watch = (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  };
  server.on('connection', watch);
  server.on('secureConnection', (socket: Socket) => {
    // From now on the requests come from this socket, and no more from the one beneath it.
    for (const beneath of unused) {
      if (beneath.remotePort === socket.remotePort && beneath.remoteAddress === socket.remoteAddress)
        unused.delete(beneath);
    }
    watch(socket);
  });
  const use = ({ socket }: IncomingMessage) => unused.delete(socket);
  server.on('request', use);
  server.on('checkContinue', use);
  return unused;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    // Connections become idle as their answers go out, and would be kept open for the next request.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
    server.close((error) => {
      clearTimeout(force);
      clearInterval(sweep);
      if (error === undefined) resolve();
      else reject(error);
    });
    server.closeIdleConnections();
  });
}
