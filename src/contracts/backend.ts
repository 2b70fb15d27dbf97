import type { CallOptions, Component } from './component.js';
import type { JsonObject, Section } from './json.js';

/** The words a data backend uses for its state. */
export const BACKEND_STATUSES = ['INITIALIZED', 'CONFIGURED', 'OPEN', 'CLOSING', 'CLOSED', 'ERROR'] as const;

export type BackendStatus = (typeof BACKEND_STATUSES)[number];

/** A data backend: takes the detector's frames, assembles and forwards them. */
export interface Backend extends Component {
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
