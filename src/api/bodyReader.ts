import type { IncomingMessage } from 'node:http';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { findJsonFault } from './jsonFault.js';

/** Deeper bodies are refused: nothing that a client means to say needs it, and recursion must end. */
const DEEPEST = 64;
const EXCERPT_BEFORE = 20;
const EXCERPT_AFTER = 20;

/**
 * Reads the body of a request. Returns undefined when there is none, whatever the content type says.
 * Throws `body_too_large` as soon as the limit is passed; the rest is not kept.
 */
export async function readJsonBody(
  request: IncomingMessage,
  limitBytes: number,
): Promise<JsonValue | undefined> {
  const bytes = await readBytes(request, limitBytes);
  if (bytes.length === 0) return undefined;
  checkContentType(request);
  return parseJson(bytes);
}

/** Whether the request announces a body. */
export function announcesBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (!announcesBody(request)) return Promise.resolve(Buffer.alloc(0));
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limitBytes) return Promise.reject(tooLarge(limitBytes, announced));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const settle = (action: () => void) => {
      request.off('data', take);
      request.off('end', end);
      request.off('close', cutOff);
      request.off('error', cutOff);
      action();
    };
    const take = (chunk: Buffer) => {
      received += chunk.length;
      if (received > limitBytes) {
        request.pause();
        settle(() => reject(tooLarge(limitBytes, null)));
      } else chunks.push(chunk);
    };
    const end = () => settle(() => resolve(Buffer.concat(chunks)));
    const cutOff = () =>
      settle(() => {
        // A late error of the same broken connection must not go unhandled.
        request.on('error', () => {});
        reject(
          new InvalidRequestError('invalid_body', 'The connection ended before the whole body had come.', {
            component: 'api',
            expected: announced > 0 ? `${announced} bytes` : 'a complete body',
            actual: `${received} bytes`,
            hint: 'Nothing was done. Send the request again.',
          }),
        );
      });
    request.on('data', take);
    request.on('end', end);
    request.on('close', cutOff);
    request.on('error', cutOff);
  });
}

function tooLarge(limitBytes: number, announced: number | null): InvalidRequestError {
  return new InvalidRequestError('body_too_large', `The body is larger than ${limitBytes} bytes.`, {
    component: 'api',
    expected: `at most ${limitBytes} bytes`,
    actual: announced === null ? `more than ${limitBytes} bytes` : `${announced} bytes`,
    hint: 'Nothing was done. A config is a few kilobytes; check what the client sends.',
  });
}

function checkContentType(request: IncomingMessage): void {
  const type = request.headers['content-type'] ?? '';
  const [essence = '', ...parameters] = type.toLowerCase().split(';');
  const charset = /charset\s*=\s*"?([^";\s]+)/.exec(parameters.join(';'))?.[1] ?? 'utf-8';
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const isJson = /^application\/(?:[\w.-]+\+)?json$/.test(essence.trim());
  if (isJson && ['utf-8', 'utf8', 'us-ascii'].includes(charset) && encoding === 'identity') return;
  const actual = encoding === 'identity' ? type || 'no content type' : `${type}, encoded as ${encoding}`;
  throw new InvalidRequestError(
    'unsupported_media_type',
    `The body must be sent as application/json, not as ${actual}.`,
    {
      component: 'api',
      expected: 'Content-Type: application/json',
      actual,
      hint: "With curl: -H 'Content-Type: application/json'.",
    },
  );
}

function parseJson(bytes: Buffer): JsonValue {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InvalidRequestError('invalid_json', 'The body is not valid JSON: it is not UTF-8.', {
      component: 'api',
      expected: 'UTF-8',
      hint: 'Send the body as UTF-8; other encodings of text are not JSON.',
    });
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson(text);
  }
  refuseUnreasonable(value, DEEPEST);
  return value;
}

function notJson(text: string): InvalidRequestError {
  const fault = findJsonFault(text) ?? { offset: 0, problem: 'it cannot be read' };
  const before = text.slice(0, fault.offset);
  const line = before.split('\n').length;
  const column = fault.offset - before.lastIndexOf('\n');
  const from = Math.max(0, fault.offset - EXCERPT_BEFORE);
  const excerpt = text.slice(from, fault.offset + EXCERPT_AFTER).replace(/\s+/g, ' ');
  return new InvalidRequestError(
    'invalid_json',
    `The body is not valid JSON: ${fault.problem} at line ${line}, column ${column} (offset ${fault.offset}), near '${excerpt}'.`,
    {
      component: 'api',
      expected: 'JSON',
      actual: { offset: fault.offset, line, column, excerpt },
      hint: 'Nothing was done. Correct the body and send it again.',
    },
  );
}

/** Refuses what JSON can say but no config means: deep nesting, `__proto__`, numbers beyond any float. */
function refuseUnreasonable(value: JsonValue, depthLeft: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw unreasonable('A number in the body is too large.', 'numbers of at most 1.8e308');
  }
  if (typeof value !== 'object' || value === null) return;
  if (depthLeft === 0) {
    throw unreasonable('The body is nested too deeply.', `at most ${DEEPEST} levels`);
  }
  if (Object.hasOwn(value, '__proto__')) {
    throw unreasonable("The body has a field named '__proto__', which is not allowed.", 'other field names');
  }
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    refuseUnreasonable(child, depthLeft - 1);
  }
}

function unreasonable(message: string, expected: string): InvalidRequestError {
  return new InvalidRequestError('invalid_body', message, {
    component: 'api',
    expected,
    hint: 'Nothing was done. Check what the client sends.',
  });
}
