import type { StatusAnswer } from '../api/schemas.js';
import { type DiaClient, DiaClientError, type DiaEvent } from '../client/client.js';
import { errorFactsOf, isRecord } from '../client/clientError.js';
import { WrongStateError } from '../contracts/errors.js';
import type { AcquisitionConfig } from '../contracts/json.js';
import { unlessAborted } from './interrupts.js';
import type { RunDisplay } from './runDisplay.js';

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
  const status = wordOf(now.status);
  const busy = now.transition !== undefined && now.transition !== null;
  if (status === 'ERROR' && !busy) {
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

/** One run, seen through its events. */
class FollowedRun {
  file: string | null = null;
  readonly listening: Promise<void>;
  readonly #client: DiaClient;
  readonly #display: RunDisplay;
  #listens: () => void = () => undefined;
  #fails: (error: unknown) => void = () => undefined;
  #wasRunning = false;
  #isStarted = false;

  constructor(client: DiaClient, display: RunDisplay) {
    this.#client = client;
    this.#display = display;
    this.listening = new Promise((resolve, reject) => {
      this.#listens = resolve;
      this.#fails = reject;
    });
    this.listening.catch(() => undefined);
  }

  started(file: string | null): void {
    this.#isStarted = true;
    this.file = file ?? this.file;
  }

  /** Resolves when the acquisition is finished. */
  async follow(events: AsyncIterable<DiaEvent>): Promise<void> {
    try {
      let isFirst = true;
      for await (const event of events) {
        if (!isFirst && (await this.#take(event))) return;
        isFirst = false;
        this.#listens();
      }
    } catch (thrown) {
      const error = this.#isStarted ? this.#serverGone(thrown) : thrown;
      this.#fails(error);
      throw error;
    }
  }

  /** Whether the acquisition is finished. */
  async #take({ type, data }: DiaEvent): Promise<boolean> {
    if (type === 'progress') this.#display.progress(data);
    if (type === 'snapshot' && isRecord(data.progress)) this.#display.progress(data.progress);
    if (type !== 'state' && type !== 'snapshot') return false;
    const status = String(data.status);
    const transition = typeof data.transition === 'string' ? data.transition : null;
    this.#display.state(status, transition);
    if (typeof data.file === 'string') this.file = data.file;
    switch (wordOf(status)) {
      case 'RUNNING':
      case 'DETECTOR_STOPPED':
      case 'BSREAD_STILL_RUNNING':
        this.#wasRunning = true;
        return false;
      case 'FINISHED':
        return true;
      case 'ERROR':
        throw await this.#failure(data);
      default:
        // Before it runs these are steps on the way; afterwards somebody has ended it, or restarted the server.
        if (this.#wasRunning || (this.#isStarted && type === 'snapshot')) throw this.#endedByOthers(status);
        return false;
    }
  }

  /** The event only tells the text; the status tells the cause and what to do. */
  async #failure(data: Record<string, unknown>): Promise<DiaClientError> {
    const now = await this.#client.status().catch(() => null);
    const error: Record<string, unknown> = isRecord(now?.error) ? now.error : {};
    const details = now?.details ?? (typeof data.details === 'string' ? data.details : 'no details');
    return new DiaClientError(`The acquisition ended in ERROR: ${details}`, {
      ...errorFactsOf(error),
      code: typeof error.code === 'string' ? error.code : 'component_failed',
    });
  }

  /** What is known of the run when the server went away in the middle of it. */
  #serverGone(thrown: unknown): unknown {
    if (!(thrown instanceof DiaClientError) || thrown.code !== 'component_unreachable') return thrown;
    const where = this.file === null ? '' : ` What was written is in ${this.file} on the server's machine.`;
    return new DiaClientError(`The server went away during the acquisition. ${thrown.message}`, {
      ...thrown.facts,
      code: thrown.code,
      hint: `Look at the server's log. Where only the connection failed the acquisition goes on: \`dia status\`.${where}`,
    });
  }

  #endedByOthers(status: string): WrongStateError {
    return new WrongStateError(
      'preempted',
      'The acquisition was ended by somebody else before all frames came.',
      {
        component: 'controller',
        operation: 'acquire',
        expected: 'FINISHED',
        actual: wordOf(status),
        hint: `${this.file === null ? '' : `What was written is in ${this.file}. `}The audit log of the server names who sent what.`,
      },
    );
  }
}

function wordOf(status: string): string {
  return status.replace(/^IntegrationStatus\./, '');
}
