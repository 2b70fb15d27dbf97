import type { CallOptions, Component } from './component.js';
import type { Section } from './json.js';

/** The words a file writer uses for its state. */
export const WRITER_STATUSES = [
  'stopped',
  'configured',
  'receiving',
  'writing',
  'finished',
  'error',
] as const;

export type WriterStatus = (typeof WRITER_STATUSES)[number];

/** What a writer counts, for the present acquisition or the last one. */
export interface WriterStatistics {
  readonly receivedFrames: number;
  readonly writtenFrames: number;
  /** Frames known to be missing: gaps before the highest frame number, and at the end all that never came. */
  readonly lostFrames: number;
  readonly duplicateFrames: number;
  /** Frames asked for; 0 when it writes until stopped. */
  readonly expectedFrames: number;
  readonly writtenBytes: number;
  /** Frames per second over the present or last run. */
  readonly frameRateHz: number;
}

/** What a writer says of itself in one answer. */
export interface WriterReport {
  readonly status: WriterStatus;
  /** Absolute path of the file really written; null while there is none. */
  readonly file: string | null;
  readonly statistics: WriterStatistics;
  /** Why the status is `error`; null otherwise. */
  readonly error: string | null;
}

/** `live`: while they come. `afterwards`: once the file is there. `never`: it counts something else, or nothing. */
export type WriterCounts = 'live' | 'afterwards' | 'never';

/** A file writer: receives frames and puts them on disk. */
export interface Writer extends Component {
  /** When its statistics tell of frames; without it they do while frames come. */
  readonly counts?: WriterCounts;
  /**
   * Takes what the next acquisition needs: the writer section of the config with `output_file` already
   * resolved to an absolute, checked path, and what else the file should tell (`description`).
   */
  configure(parameters: WriterParameters, options: CallOptions): Promise<void>;
  /** Opens the file and connects to the stream; answers once frames can be received. */
  start(options: CallOptions): Promise<{ file: string | null }>;
  /** Ends the acquisition and closes the file with the frames so far. Stopping a stopped writer does nothing. */
  stop(options: CallOptions): Promise<void>;
  /** Back to `stopped`, from any state; a file under way is closed with the frames so far. */
  reset(options: CallOptions): Promise<void>;
  /** Ends at once, by force if it must; what was flushed stays on disk. */
  kill(options: CallOptions): Promise<void>;
  report(options: CallOptions): Promise<WriterReport>;
  /**
   * Answers as soon as no acquisition goes on, for writers that can tell without being asked again and again. It may take
   * as long as the acquisition; `timeoutMs` bounds the silence of the component.
   */
  untilEnded?(options: CallOptions): Promise<WriterReport>;
}

/** What a writer is configured with. */
export interface WriterParameters {
  /** Absolute path, inside the deployment's data roots. */
  readonly outputFile: string;
  /** 0: until stopped. */
  readonly frames: number;
  readonly userId: number;
  /** What to do when the file exists. */
  readonly existingFile: ExistingFile;
  /** The writer section's other fields. */
  readonly extra: Section;
  /** The whole acquisition config, to be kept in the file. */
  readonly acquisition: Record<string, Section>;
  /** Identifies the acquisition in logs and in the file. */
  readonly acquisitionId: string;
}

/** `number`: the next free `name_001.h5`; `refuse`: an error; `overwrite`: replaces it. */
export const EXISTING_FILE_RULES = ['number', 'refuse', 'overwrite'] as const;

export type ExistingFile = (typeof EXISTING_FILE_RULES)[number];
