import type { CallOptions, Component } from './component.js';
import type { JsonObject, Section } from './json.js';

/**
 * The words a data backend uses for its state. `IDLE` is that of one which is not open, and does not tell whether
 * it was configured or closed; `STATELESS` that of one which has no state at all, and agrees with everything.
 */
export const BACKEND_STATUSES = [
  'INITIALIZED',
  'CONFIGURED',
  'OPEN',
  'CLOSING',
  'CLOSED',
  'ERROR',
  'IDLE',
  'STATELESS',
] as const;

export type BackendStatus = (typeof BACKEND_STATUSES)[number];

/** A data backend: takes the detector's frames, assembles and forwards them. */
export interface Backend extends Component {
  /** Whether it has to be opened anew for each run, because it counts frames from there. */
  readonly opensPerRun?: boolean;
  /** Applies the settings. Only an INITIALIZED backend can be configured. */
  configure(settings: Section, options: CallOptions): Promise<void>;
  /** Lets frames through. */
  open(options: CallOptions): Promise<void>;
  close(options: CallOptions): Promise<void>;
  /** Back to INITIALIZED, from any state. */
  reset(options: CallOptions): Promise<void>;
  status(options: CallOptions): Promise<BackendStatus>;
  metrics(options: CallOptions): Promise<JsonObject>;
}
