import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { JsonObject } from '../contracts/json.js';
import { asObject, parseJson } from './jsonObject.js';
import { CallRefused, type SimulatedBackend } from './simulatedBackend.js';

const LONGEST_BODY_BYTES = 1024 * 1024;

type Answer = string | JsonObject;

/**
 * The REST interface of the PSI backends under `/v1` (detector_backend of the Paul Scherrer Institute): changes
 * of state answer with the new state as plain text, queries with JSON, and what the state does not allow with
 * HTTP 500 and the reason as text.
 */
export function backendRest(backend: SimulatedBackend, log: (line: string) => void): Server {
  const routes: Record<string, (body: JsonObject) => Answer | Promise<Answer>> = {
    'POST /v1/state/configure': (body) => backend.configure(asObject(body.settings) ?? {}),
    'POST /v1/state/open': () => backend.open(),
    'POST /v1/state/close': () => backend.close(),
    'POST /v1/state/reset': () => backend.reset(),
    'GET /v1/state': () => ({ global_state: backend.status }),
    'GET /v1/metrics': () => ({ value: { backend: backend.metrics() } }),
  };
  // Changes of state come one after the other, as on a server with one thread.
  let before: Promise<unknown> = Promise.resolve();

  return createServer((request, response) => {
    const name = `${request.method} ${(request.url ?? '').split('?')[0]}`;
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (route === undefined)
      return send(response, 404, `No ${name} here: ${Object.keys(routes).join(', ')}.`);
    const work = readBody(request).then((body) => {
      if (request.method === 'GET') return route(body);
      const turn = before.then(() => route(body));
      before = turn.catch(() => undefined);
      return turn;
    });
    work.then(
      (answer) => send(response, 200, answer),
      (error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        log(`${name} refused: ${text}`);
        send(response, error instanceof BadBody ? 400 : 500, text);
        if (!(error instanceof BadBody || error instanceof CallRefused)) throw error;
      },
    );
  });
}

class BadBody extends Error {}

async function readBody(request: IncomingMessage): Promise<JsonObject> {
  if (request.method === 'GET') return {};
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LONGEST_BODY_BYTES) throw new BadBody('The body is too long.');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  const body = asObject(parseJson(text));
  if (body === null) throw new BadBody('The body must be a JSON object.');
  return body;
}

function send(response: ServerResponse, statusCode: number, answer: Answer): void {
  const isText = typeof answer === 'string';
  response.writeHead(statusCode, { 'content-type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? answer : JSON.stringify(answer));
}
