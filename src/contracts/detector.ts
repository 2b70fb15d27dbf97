import type { CallOptions, Component } from './component.js';
import type { JsonObject, JsonValue, Section } from './json.js';

/** The words a detector uses for its state. */
export const DETECTOR_STATUSES = [
  'idle',
  'running',
  'waiting',
  'transmitting',
  'finished',
  'stopped',
  'error',
] as const;

export type DetectorStatus = (typeof DETECTOR_STATUSES)[number];

/** A detector: told what to expose, started, stopped and watched. */
export interface Detector extends Component {
  /** Applies all parameters (names and units of the acquisition config: seconds, bits). */
  configure(parameters: Section, options: CallOptions): Promise<void>;
  /** Starts the exposure, or arms for an external trigger. Answers once the detector took it. */
  start(options: CallOptions): Promise<void>;
  /** Ends an exposure. Stopping an idle detector is right and does nothing. */
  stop(options: CallOptions): Promise<void>;
  status(options: CallOptions): Promise<DetectorStatus>;
  /** Reads one parameter by its name in the acquisition config. */
  getValue(name: string, options: CallOptions): Promise<JsonValue>;
  /** Sets one parameter; answers the value read back. */
  setValue(name: string, value: JsonValue, options: CallOptions): Promise<JsonValue>;
  metrics(options: CallOptions): Promise<JsonObject>;
}
