import { type DiaClient, DiaClientError, type DiaEvent } from '../client/client.js';
import { errorFactsOf, isRecord } from '../client/clientError.js';
import { WrongStateError } from '../contracts/errors.js';
import { type RunDisplay, statusWord } from './runDisplay.js';

/** Longer than a server lets a component be silent before it ends the acquisition. */
const RECOVERY_TIMEOUT_MS = 60_000;

/** One run, seen through its events. */
export class FollowedRun {
  /** The file that is really written, as far as the server has said. */
  file: string | null = null;
  /** Resolves when the first event has come: from then on nothing is missed. */
  readonly listening: Promise<void>;
  readonly #client: DiaClient;
  readonly #display: RunDisplay;
  #listens: () => void = () => undefined;
  #fails: (error: unknown) => void = () => undefined;
  #wasRunning = false;
  #error: DiaClientError | null = null;
  #recovery: NodeJS.Timeout | undefined;
  #notice: unknown;
  #giveUp: (error: DiaClientError) => void = () => undefined;
  readonly #gaveUp: Promise<never>;
  #isStarted = false;

  constructor(client: DiaClient, display: RunDisplay) {
    this.#client = client;
    this.#display = display;
    this.listening = new Promise((resolve, reject) => {
      this.#listens = resolve;
      this.#fails = reject;
    });
    this.listening.catch(() => undefined);
    this.#gaveUp = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
  }

  /** The server has answered the start. */
  started(file: string | null): void {
    this.#isStarted = true;
    this.file = file ?? this.file;
  }

  /**
   * Resolves when the acquisition is finished.
   *
   * @throws DiaClientError when it ends in ERROR or the server goes away; WrongStateError when somebody else ends it.
   */
  async follow(events: AsyncIterable<DiaEvent>): Promise<void> {
    try {
      await Promise.race([this.#takeAll(events), this.#gaveUp]);
    } finally {
      clearTimeout(this.#recovery);
    }
  }

  async #takeAll(events: AsyncIterable<DiaEvent>): Promise<void> {
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
    switch (statusWord(status)) {
      case 'RUNNING':
      case 'DETECTOR_STOPPED':
      case 'BSREAD_STILL_RUNNING':
        this.#wasRunning = true;
        this.#error = null;
        this.#notice = null;
        clearTimeout(this.#recovery);
        return false;
      case 'FINISHED':
        return true;
      case 'ERROR':
        // Before it runs, the answers to configure and start tell what went wrong.
        if (!this.#wasRunning && !this.#isStarted) return false;
        // Asked at once, as somebody may reset it soon; told when the components are stopped and the file is closed.
        this.#error = await this.#failure(data);
        if (transition !== null) return false;
        if (!isSilence(this.#error)) throw this.#error;
        this.#waitForRecovery(this.#error, data.details);
        return false;
      default:
        if (this.#error !== null) throw this.#error;
        // Before it runs these are steps on the way; afterwards somebody has ended it, or restarted the server.
        if (this.#wasRunning || (this.#isStarted && type === 'snapshot')) throw this.#endedByOthers(status);
        return false;
    }
  }

  /** A component that is silent is an error that may clear by itself; the server tells when it has had enough. */
  #waitForRecovery(error: DiaClientError, details: unknown): void {
    if (details !== this.#notice) this.#display.problem(`${details} Waits whether it comes back.`);
    this.#notice = details;
    clearTimeout(this.#recovery);
    this.#recovery = setTimeout(() => this.#giveUp(error), RECOVERY_TIMEOUT_MS);
  }

  /** The event only tells the text; the status tells the cause and what to do. */
  async #failure(data: Record<string, unknown>): Promise<DiaClientError> {
    const now = await this.#client.status().catch(() => null);
    const error: Record<string, unknown> = isRecord(now?.error) ? now.error : {};
    const details = now?.details ?? (typeof data.details === 'string' ? data.details : 'no details');
    const facts = errorFactsOf(error);
    const where = this.file === null ? '' : ` What was written is in ${this.file}.`;
    return new DiaClientError(`The acquisition ended in ERROR: ${details}`, {
      ...facts,
      hint: `${facts.hint ?? '`dia details` shows every component; after that, `dia reset`.'}${where}`,
      code: typeof error.code === 'string' ? error.code : 'component_failed',
    });
  }

  /** What is known of the run when the server went away in the middle of it. */
  #serverGone(thrown: unknown): unknown {
    if (!(thrown instanceof DiaClientError) || thrown.facts.component !== 'controller') return thrown;
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
        actual: statusWord(status),
        hint: `${this.file === null ? '' : `What was written is in ${this.file}. `}The audit log of the server names who sent what.`,
      },
    );
  }
}

function isSilence({ code }: DiaClientError): boolean {
  return code === 'component_timeout' || code === 'component_unreachable';
}
