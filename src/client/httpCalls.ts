import type { Envelope } from '../api/schemas.js';
import { boundBy } from '../contracts/bounds.js';
import { DiaClientError, errorOfEnvelope, isRecord } from './clientError.js';
import { type Connection, sendOver } from './connection.js';

/** How requests are sent. */
export interface CallSettings {
  readonly connection: Connection;
  readonly timeoutMs: number;
}

/** One request. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Sends a request; answers the envelope. Throws {@link DiaClientError} for everything else. */
export async function callApi<T extends Envelope>(settings: CallSettings, call: Call): Promise<T> {
  const { answer, parsed } = await exchange(settings, call);
  if (isRecord(parsed) && parsed.state === 'ok') {
    // The server's own schemas are the source of T; checking them again here would only guard against our tests.
    return parsed as T;
  }
  if (isRecord(parsed) && parsed.state === 'error') throw errorOfEnvelope(parsed, answer.status);
  throw notOurs(settings, answer);
}

/** Fetches JSON that is no envelope. */
export async function fetchJson(settings: CallSettings, call: Call): Promise<unknown> {
  const { answer, parsed } = await exchange(settings, call);
  if (!answer.ok) throw notOurs(settings, answer);
  return parsed;
}

/** What went wrong when no answer came. */
export function noAnswer({ address }: Connection, timeoutMs: number, thrown: unknown): DiaClientError {
  const code = causeCode(thrown);
  const place = { component: 'controller', actual: code ?? String(thrown), cause: thrown };
  if (code !== undefined && /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code)) {
    return new DiaClientError(`The certificate of ${address} is not trusted (${code}).`, {
      ...place,
      code: 'component_unreachable',
      expected: 'a certificate of a known authority, for this name',
      hint: 'Name the file with the certificate to trust: --ca or DIA_CA. It has to be for the name in the address.',
    });
  }
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new DiaClientError(`${address} did not answer within ${timeoutMs} ms.`, {
      ...place,
      code: 'component_timeout',
      expected: `an answer within ${timeoutMs} ms`,
      hint: 'The command may still be under way: see `dia status`. Look at the server, or allow more time.',
    });
  }
  return new DiaClientError(`No dia server answers at ${address} (${code ?? 'connection failed'}).`, {
    ...place,
    code: 'component_unreachable',
    expected: 'a dia server',
    hint: `Start one with \`dia serve\`, or name the right address with --url. Is ${address} right?`,
  });
}

/** Sends a request and reads the JSON of its answer, within the time; what the caller aborted is thrown as it is. */
async function exchange(
  settings: CallSettings,
  { method, path, body, signal }: Call,
): Promise<{ answer: Response; parsed: unknown }> {
  const { connection, timeoutMs } = settings;
  const bounds = boundBy({ signal, timeoutMs });
  try {
    const answer = await sendOver(connection, path, {
      method,
      signal: bounds.signal,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const parsed: unknown = await answer.json().catch((thrown: unknown) => {
      throw thrown instanceof SyntaxError ? notOurs(settings, answer) : thrown;
    });
    return { answer, parsed };
  } catch (thrown) {
    if (thrown instanceof DiaClientError) throw thrown;
    throw signal?.aborted ? signal.reason : noAnswer(connection, timeoutMs, thrown);
  } finally {
    bounds.end();
  }
}

function notOurs({ connection: { address } }: CallSettings, answer: Response): DiaClientError {
  return new DiaClientError(`What answers at ${address} is not a dia server (HTTP ${answer.status}).`, {
    code: 'bad_answer',
    httpStatus: answer.status,
    requestId: answer.headers.get('x-request-id'),
    component: 'controller',
    operation: answer.url,
    expected: 'JSON with a state',
    actual: answer.headers.get('content-type') ?? 'no content type',
    hint: 'Check the address and the port, and what stands between: a proxy may answer in its place.',
  });
}

function causeCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { cause } = thrown;
  return isRecord(cause) || cause instanceof Error ? codeOf(cause) : codeOf(thrown);
}

function codeOf(value: object): string | undefined {
  return 'code' in value && typeof value.code === 'string' ? value.code : undefined;
}
