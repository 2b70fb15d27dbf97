import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type DiaError,
  InvalidRequestError,
  NoSpaceError,
  toDiaError,
  UnknownNameError,
  WrongStateError,
} from '../contracts/errors.js';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import type { WriterLog } from './log.js';

/** Longest time that answers under way keep a server open that is to close. */
const LAST_ANSWERS_MS = 1000;
const LARGEST_BODY_BYTES = 4 * 1024 * 1024;

/** Answers one request; the body is `{}` where none was sent. */
type Handler = (body: JsonObject) => JsonObject | Promise<JsonObject>;

/** Handlers by path, then by method. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** How the REST interface is served. */
export interface RestOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly routes: Routes;
  readonly log: WriterLog;
}

/** A REST interface that listens. */
export interface RestServer {
  readonly url: string;
  /** Stops listening; answers under way are sent first. */
  close(): Promise<void>;
}

/** Serves a small table of routes, JSON in and out. Rejects when the port is taken. */
export async function serveRest(options: RestOptions): Promise<RestServer> {
  const server = createServer((request, response) => {
    answer(request, options)
      .catch((thrown: unknown) => {
        const error = toDiaError(thrown);
        if (error.code === 'internal')
          options.log.error(error.cause instanceof Error ? `${error.cause.stack}` : `${error}`);
        if (error.code === 'method_not_allowed')
          response.setHeader('Allow', allowed(options.routes, request));
        return { code: httpCode(error), body: errorBody(error) };
      })
      .then(({ code, body }) => {
        // A connection kept alive would keep a program that is about to end alive as well.
        if (!server.listening) response.setHeader('Connection', 'close');
        send(response, code, body);
        response.on('finish', () => server.listening || server.closeIdleConnections());
      });
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: () => close(server),
  };
}

function listen(server: Server, { host, port }: RestOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function answer(
  request: IncomingMessage,
  { routes }: RestOptions,
): Promise<{ code: number; body: JsonObject }> {
  const path = pathOf(request);
  const methods = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (methods === undefined) {
    throw new UnknownNameError('not_found', `There is no path ${path}.`, {
      component: 'writer',
      operation: 'answer a request',
      expected: Object.keys(routes).join(', '),
      actual: path,
      hint: 'Use one of the paths listed.',
    });
  }
  const method = request.method ?? '';
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (handler === undefined) {
    throw new InvalidRequestError('method_not_allowed', `${path} cannot be asked with ${method}.`, {
      component: 'writer',
      operation: 'answer a request',
      expected: Object.keys(methods).join(', '),
      actual: method,
      hint: 'Use one of the methods listed.',
    });
  }
  return { code: 200, body: await handler(await readBody(request)) };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function allowed(routes: Routes, request: IncomingMessage): string {
  return Object.keys(routes[pathOf(request)] ?? {}).join(', ');
}

async function readBody(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LARGEST_BODY_BYTES) chunks.push(chunk);
  }
  const facts = { component: 'writer', operation: 'read a request' };
  if (size > LARGEST_BODY_BYTES) {
    throw new InvalidRequestError('body_too_large', `The body has ${size} bytes.`, {
      ...facts,
      expected: `at most ${LARGEST_BODY_BYTES} bytes`,
      actual: size,
      hint: 'Send less.',
    });
  }
  if (size === 0) return {};
  let body: JsonValue;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonValue;
  } catch (error) {
    throw new InvalidRequestError('invalid_json', `The body is no JSON: ${(error as Error).message}`, {
      ...facts,
      expected: 'a JSON object',
      hint: 'Correct the body.',
      cause: error,
    });
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new InvalidRequestError('invalid_body', 'The body is no JSON object.', {
      ...facts,
      expected: 'a JSON object',
      actual: body,
      hint: 'Correct the body.',
    });
  }
  return body;
}

function send(response: ServerResponse, code: number, body: JsonObject): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

function httpCode(error: DiaError): number {
  if (error.code === 'method_not_allowed') return 405;
  if (error.code === 'body_too_large') return 413;
  if (error instanceof InvalidRequestError) return 400;
  if (error instanceof UnknownNameError) return 404;
  if (error instanceof WrongStateError) return 409;
  if (error instanceof NoSpaceError) return 507;
  return 500;
}

function errorBody(error: DiaError): JsonObject {
  const { component = 'writer', operation, expected, actual, hint } = error.facts;
  return {
    status: 'error',
    message: error.message,
    code: error.code,
    component,
    operation: operation ?? null,
    expected: expected ?? null,
    actual: actual ?? null,
    hint: hint ?? null,
  };
}
