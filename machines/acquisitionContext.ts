import type {
  AcquisitionPlan,
  IntegrationStatus,
  StandDown,
  StartOutcome,
} from '../src/contracts/acquisition.js';
import type { DiaError } from '../src/contracts/errors.js';
import type { ObservedByName, Seen } from './observed.js';

/** What the acquisition machine remembers. */
export interface AcquisitionContext {
  /** What is reported while a state does not say otherwise. */
  status: IntegrationStatus;
  plan: AcquisitionPlan | null;
  /** True when `start` brought the config: configured goes straight on to starting. */
  startRequested: boolean;
  triggerStart: boolean;
  standDown: StandDown;
  error: DiaError | null;
  files: Readonly<Record<string, string>>;
  detectors: ObservedByName;
  writers: ObservedByName;
  auxiliaryWriters: ObservedByName;
  /** True while no frame has come for longer than the plan's stall timeout. */
  stalled: boolean;
  /** True when writers must be ended before the files can be judged. */
  writersUnfinished: boolean;
  restartsFromFinished: boolean;
  deadlineError: (operation: string) => DiaError;
}

/** What the acquisition machine is started with. */
export interface AcquisitionInput {
  /** Whether a config is taken in `finished`, without a reset in between. */
  readonly restartsFromFinished: boolean;
  /** Makes the error that a missed deadline of `operation` leads to. */
  readonly deadlineError: (operation: string) => DiaError;
}

/** What the acquisition machine is told. */
export type AcquisitionEvent =
  | { type: 'acquisition.configure'; plan: AcquisitionPlan }
  | { type: 'acquisition.start'; plan?: AcquisitionPlan; triggerStart: boolean }
  | { type: 'acquisition.stop' }
  /** A controller that was restarted goes on where the one before it was. */
  | { type: 'controller.resumed'; to: 'configured'; plan: AcquisitionPlan }
  | { type: 'controller.resumed'; to: 'running' | 'finished'; plan: AcquisitionPlan; outcome: StartOutcome }
  | { type: 'controller.resumed'; to: 'error'; error: DiaError; files: Readonly<Record<string, string>> }
  | { type: 'acquisition.reset' }
  | { type: 'acquisition.kill' }
  | ({ type: 'component.status' } & Seen)
  /** What the start has left to be seen of many components, at once. */
  | { type: 'components.seen'; seen: readonly Seen[] }
  | { type: 'component.lost'; component: string; error: DiaError };
