import type { DiaError } from './errors.js';
import type { AcquisitionConfig, Section } from './json.js';
import type { WriterParameters } from './writer.js';

/** The integration's statuses, as reported on the wire with the prefix `IntegrationStatus.`. */
export const INTEGRATION_STATUSES = [
  'INITIALIZED',
  'CONFIGURED',
  'RUNNING',
  'DETECTOR_STOPPED',
  'BSREAD_STILL_RUNNING',
  'FINISHED',
  'ERROR',
  'INCONSISTENT',
  'READY',
  'COMPONENT_NOT_RESPONDING',
] as const;

export type IntegrationStatus = (typeof INTEGRATION_STATUSES)[number];

/** How far the frames of an acquisition are on their way to the disk. */
export interface Progress {
  readonly writtenFrames: number;
  readonly receivedFrames: number;
  readonly lostFrames: number;
  readonly expectedFrames: number;
  readonly writtenBytes: number;
  readonly frameRateHz: number;
}

/** What the controller knows of an acquisition at one moment, from memory. */
export interface StatusReport {
  readonly status: IntegrationStatus;
  /** `stopping` or `resetting` while one is under way. */
  readonly transition: string | null;
  /** Why the status is ERROR. */
  readonly error: DiaError | null;
  /** The file of the present or last acquisition. */
  readonly file: string | null;
  readonly progress: Progress | null;
  /** What a person should know although nothing has failed; null when there is nothing. */
  readonly notice: string | null;
}

/** How an acquisition is stood down. */
export type StandDown = 'stop' | 'reset' | 'kill';

/** Everything that was worked out from a valid config before any component hears of it. */
export interface AcquisitionPlan {
  readonly id: string;
  /** The config as the client gave it, merged and normalised. */
  readonly config: AcquisitionConfig;
  /** What each pipeline's components are configured with, by pipeline name. */
  readonly pipelines: Readonly<Record<string, PipelinePlan>>;
  /** What each auxiliary writer is configured with, by its name. */
  readonly auxiliary: Readonly<Record<string, WriterParameters>>;
  readonly stall: StallRule;
}

/** What is done when no frame comes for a while. */
export interface StallRule {
  /** Without a new frame for so long, the acquisition has stalled. */
  readonly timeoutMs: number;
  /** True: a stalled acquisition is ended; false: it is reported, and goes on. */
  readonly fails: boolean;
  /** True: before the first frame that is counted any wait is right, as for an external trigger. */
  readonly waitsForTrigger: boolean;
}

/** What the components of one pipeline are configured with. */
export interface PipelinePlan {
  readonly detector: Section;
  readonly backend: Section;
  readonly writer: WriterParameters;
}

/** What starting the components came to. */
export interface StartOutcome {
  /** The files really written, by writer name. */
  readonly files: Readonly<Record<string, string>>;
  /** Names of the enabled components that the run depends on. */
  readonly detectors: readonly string[];
  readonly writers: readonly string[];
  readonly auxiliaryWriters: readonly string[];
  /** Frames each writer was asked for, by its name; 0: until stopped. */
  readonly expectedFrames: Readonly<Record<string, number>>;
}
