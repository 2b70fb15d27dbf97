import type { SnapshotFrom } from 'xstate';
import type { acquisitionMachine } from '../../machines/acquisition.machine.js';
import { boundBy, unlessAborted } from '../contracts/bounds.js';
import { ComponentSilentError, type DiaError, toDiaError } from '../contracts/errors.js';
import type { Journal, JournalEntry } from '../telemetry/journal.js';
import type { Telemetry } from '../telemetry/logger.js';
import type { AcquisitionActor } from './acquisitionActor.js';
import type { Components } from './components.js';
import type { ConfigBook } from './configBook.js';

export interface MemoryOptions {
  readonly journal: Journal;
  readonly components: Components;
  readonly book: ConfigBook;
  readonly telemetry: Telemetry;
}

/** Writes into the journal what the next controller would have to know. */
export class Memory {
  private readonly options: MemoryOptions;
  private lastRest: Promise<void> = Promise.resolve();
  /** What stands in the journal, or is about to. */
  private last: JournalEntry | null;

  constructor(options: MemoryOptions) {
    this.options = options;
    this.last = options.journal.last;
  }

  /** Writes an entry with everything clients have set; on disk when it returns. */
  record(entry: JournalEntry): Promise<void> {
    const { journal, components, book } = this.options;
    this.last = entry;
    const disabled = components.all.filter(({ enabled }) => !enabled).map(({ name }) => name);
    return journal.append({ ...entry, config: book.last, overlays: book.overlays, disabled });
  }

  /** Writes down settings that have changed; during an acquisition with what was written down of it last. */
  async recordSettings(actor: AcquisitionActor, timeoutMs: number): Promise<void> {
    const entry = restEntry(actor.getSnapshot()) ?? this.last;
    if (entry !== null) await inTime(this.record(entry), timeoutMs);
  }

  /** Writes down that nothing is under way any more. Never throws: a disk that hangs or is full must not keep the end. */
  async recordEnd(timeoutMs: number): Promise<void> {
    await inTime(this.record({ phase: 'initialized' }), timeoutMs).catch((thrown: unknown) =>
      this.options.telemetry.log.error(toDiaError(thrown).message),
    );
  }

  /**
   * Resolves when the present state is on disk, so that what a client has been told holds after a crash; or after
   * `timeoutMs`, as a disk that hangs must not keep the answer to a stop.
   */
  async rested(timeoutMs: number): Promise<void> {
    await inTime(this.lastRest, timeoutMs).catch((thrown: DiaError) =>
      this.options.telemetry.log.error(thrown.message),
    );
  }

  /**
   * Writes down every state in which nothing is under way. Only the answers to commands wait for it: the entry before it
   * says what was begun, and after a crash the components themselves tell whether it was done.
   */
  recordRests(actor: AcquisitionActor): void {
    let last = '';
    actor.subscribe((snapshot) => {
      const entry = restEntry(snapshot);
      const phase = entry?.phase ?? '';
      if (phase === last) return;
      last = phase;
      if (entry === null) return;
      const { log } = this.options.telemetry;
      this.lastRest = this.record(entry).catch((thrown: unknown) => log.error(toDiaError(thrown).message));
    });
  }
}

/**
 * Waits until an entry is on disk, but not for ever.
 *
 * @throws ComponentSilentError `component_timeout` when it is not by then; it may come there later.
 */
export async function inTime(written: Promise<void>, timeoutMs: number): Promise<void> {
  const late = boundBy({ timeoutMs });
  try {
    await unlessAborted(written, late.signal);
  } catch (error) {
    if (!late.signal.aborted) throw error;
    const text = `The journal could not be written within ${timeoutMs} ms: its disk hangs.`;
    throw new ComponentSilentError('component_timeout', text, {
      component: 'controller',
      operation: 'write the journal',
      hint: 'After a crash now the next controller would find an older state. Look at the disk of the state folder.',
    });
  } finally {
    late.end();
  }
}

/** What the journal says of a state in which nothing is under way; null while something is. */
function restEntry(snapshot: SnapshotFrom<typeof acquisitionMachine>): JournalEntry | null {
  const { plan, files, error, detectors, writers, auxiliaryWriters } = snapshot.context;
  if (snapshot.matches('initialized')) return { phase: 'initialized' };
  if (snapshot.matches('error')) return { phase: 'error', message: error?.message ?? '', files };
  if (plan === null) return null;
  if (snapshot.matches('configured')) return { phase: 'configured', plan };
  if (!snapshot.matches('finished')) return null;
  const outcome = {
    files,
    detectors: Object.keys(detectors),
    writers: Object.keys(writers),
    auxiliaryWriters: Object.keys(auxiliaryWriters),
    expectedFrames: Object.fromEntries(
      Object.entries(writers).map(([name, one]) => [name, one.expectedFrames] as const),
    ),
  };
  return { phase: 'finished', plan, outcome };
}
