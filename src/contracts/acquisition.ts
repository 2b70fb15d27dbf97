import type { DiaError } from './errors.js';

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
}
