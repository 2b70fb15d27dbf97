import type { Envelope, StatusAnswer } from '../api/schemas.js';
import { boundBy } from '../contracts/bounds.js';
import { DiaClientError, errorFactsOf, isRecord } from './clientError.js';
import type { Connection } from './connection.js';
import { type DiaEvent, followEvents } from './eventStream.js';
import { callApi } from './httpCalls.js';

const PREFIX = 'IntegrationStatus.';
const STATUS_TIMEOUT_MS = 5_000;

/** How long a status is waited for, and who may end the wait. */
export interface WaitOptions {
  /** 60 s unless told. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Waits on the event stream until one of the statuses is reached; answers that status.
 * Throws {@link DiaClientError}: when the integration goes to ERROR while something else is waited for
 * (with the integration's own error), and `component_timeout` when it takes too long.
 */
export async function waitForStatus(
  connection: Connection,
  targets: readonly string[],
  options: WaitOptions = {},
): Promise<Envelope['status']> {
  const wanted = targets.map(withPrefix);
  const timeoutMs = options.timeoutMs ?? 60_000;
  const { signal, end } = boundBy({ ...options, timeoutMs });
  let last = 'unknown';
  try {
    for await (const event of followEvents(connection, { signal, reconnectTimeoutMs: timeoutMs })) {
      if (event.type !== 'snapshot' && event.type !== 'state') continue;
      last = withPrefix(String(event.data.status));
      if (wanted.includes(last)) return last;
      if (last === `${PREFIX}ERROR`) throw inError(await present(connection, event), wanted);
    }
  } finally {
    end();
  }
  options.signal?.throwIfAborted();
  throw new DiaClientError(
    `Cannot reach desired status '${wanted.join("' or '")}'. Current status '${last}'. Try to reset or get_status_details for more info.`,
    {
      code: 'component_timeout',
      component: 'controller',
      operation: 'wait for a status',
      expected: wanted,
      actual: last,
      hint: `Waited ${timeoutMs} ms. \`dia details\` shows which component is behind.`,
    },
  );
}

/** The whole status; an event of type `state` only carries the error's text. */
async function present(connection: Connection, { data }: DiaEvent): Promise<Record<string, unknown>> {
  if (isRecord(data.error)) return data;
  const call = { method: 'GET', path: '/api/v1/status' } as const;
  const answer = await callApi<StatusAnswer>({ connection, timeoutMs: STATUS_TIMEOUT_MS }, call).catch(
    () => null,
  );
  // It may have been reset by somebody in the meantime; then the event knows more.
  return answer?.error === undefined ? data : answer;
}

function inError(data: Record<string, unknown>, wanted: string[]): DiaClientError {
  const error: Record<string, unknown> = isRecord(data.error) ? data.error : {};
  const details = typeof data.details === 'string' ? data.details : 'no details';
  return new DiaClientError(`The integration is in ERROR: ${details}`, {
    component: 'controller',
    expected: wanted,
    hint: '`dia details` shows every component; after that, `dia reset`.',
    ...errorFactsOf(error),
    code: typeof error.code === 'string' ? error.code : 'component_failed',
  });
}

function withPrefix(status: string): string {
  return status.startsWith(PREFIX) ? status : PREFIX + status;
}
