import type { SnapshotFrom } from 'xstate';
import type { acquisitionMachine } from '../../machines/acquisition.machine.js';
import { toDiaError } from '../contracts/errors.js';
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
  async recordSettings(actor: AcquisitionActor): Promise<void> {
    const entry = restEntry(actor.getSnapshot()) ?? this.last;
    if (entry !== null) await this.record(entry);
  }

  /** Resolves when the present state is on disk: what a client has been told holds after a crash. */
  rested(): Promise<void> {
    return this.lastRest;
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
