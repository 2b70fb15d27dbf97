import type { StatusAnswer } from '../api/schemas.js';
import type { DiaClient } from '../client/client.js';
import { errorFactsOf, isRecord } from '../client/clientError.js';
import { unlessAborted } from '../contracts/bounds.js';
import { WrongStateError } from '../contracts/errors.js';
import type { AcquisitionConfig } from '../contracts/json.js';
import { FollowedRun } from './followedRun.js';
import { type RunDisplay, statusWord } from './runDisplay.js';

/** A server that was cut off, or restarted, is back by then; one that ended is not. */
const RECONNECT_TIMEOUT_MS = 10_000;

/** How an acquisition is run. */
export interface RunOptions {
  readonly config: AcquisitionConfig;
  /** Reset an integration that is in ERROR first. */
  readonly reset: boolean;
  /** Stops the acquisition. */
  readonly signal: AbortSignal;
  readonly display: RunDisplay;
}

/** What a run came to. */
export interface RunResult {
  /** `stopped`: by the signal. */
  readonly outcome: 'finished' | 'stopped';
  /** The file that was really written; null when it did not come to that. */
  readonly file: string | null;
}

/**
 * Runs an acquisition to its end: configures, starts, follows the events until all frames are on disk. When the
 * signal aborts it stops the acquisition and waits until that is done.
 *
 * @throws DiaClientError for what the server refuses and for an acquisition that ends in ERROR; WrongStateError when
 * the integration is not free, or somebody else ended the acquisition.
 */
export async function runAcquisition(client: DiaClient, options: RunOptions): Promise<RunResult> {
  const { signal, display, config } = options;
  await makeReady(client, options);
  const following = new AbortController();
  const run = new FollowedRun(client, display);
  try {
    // Listening before anything happens: a short acquisition is over when its start is answered.
    const end = run.follow(
      client.events({ signal: following.signal, reconnectTimeoutMs: RECONNECT_TIMEOUT_MS }),
    );
    end.catch(() => undefined);
    await unlessAborted(run.listening, signal);
    await unlessAborted(client.setConfig(config), signal);
    run.started((await unlessAborted(client.start(), signal)).file ?? null);
    await unlessAborted(end, signal);
    return { outcome: 'finished', file: run.file };
  } catch (thrown) {
    if (!signal.aborted || thrown !== signal.reason) throw thrown;
    // Whatever request is under way, the stop overtakes it.
    await client.stop();
    const { file } = await client.status();
    return { outcome: 'stopped', file: run.file ?? file ?? null };
  } finally {
    following.abort();
  }
}

/** Brings the integration to INITIALIZED, where it is free to be used. */
async function makeReady(client: DiaClient, { reset, signal, display }: RunOptions): Promise<void> {
  const now = await client.status({ signal });
  const status = statusWord(now.status);
  const busy = now.transition !== undefined && now.transition !== null;
  if (status === 'ERROR') {
    if (!reset) throw inError(now);
    await client.reset({ signal });
  } else if (busy || !['INITIALIZED', 'CONFIGURED', 'FINISHED', 'READY'].includes(status)) {
    throw new WrongStateError(
      'wrong_state',
      `Cannot start an acquisition: the integration is ${status}${busy ? ` (${now.transition})` : ''}.`,
      {
        component: 'controller',
        operation: 'acquire',
        expected: ['INITIALIZED', 'CONFIGURED', 'FINISHED'],
        actual: status,
        hint: 'Wait for its end with `dia status --watch`, or end it with `dia stop`.',
      },
    );
  } else if (status !== 'INITIALIZED') await client.stop({ signal });
  display.state('IntegrationStatus.INITIALIZED', null);
}

function inError(now: StatusAnswer): WrongStateError {
  return new WrongStateError('wrong_state', `The integration is in ERROR: ${now.details ?? 'no details'}`, {
    ...errorFactsOf(isRecord(now.error) ? now.error : {}),
    hint: `${now.error?.hint ?? ''} To go on: \`dia reset\`, or \`dia acquire --reset\`.`.trim(),
  });
}
