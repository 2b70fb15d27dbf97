import type { CallOptions, Component } from './component.js';

/** The words a trigger uses for its state. */
export const TRIGGER_STATUSES = ['idle', 'running', 'unknown', 'error'] as const;

export type TriggerStatus = (typeof TRIGGER_STATUSES)[number];

/** A timing system that fires the exposures: started last, stopped first. */
export interface Trigger extends Component {
  start(options: CallOptions): Promise<void>;
  stop(options: CallOptions): Promise<void>;
  status(options: CallOptions): Promise<TriggerStatus>;
}
