import type { IntegrationStatus } from '../contracts/acquisition.js';
import type { DiaError } from '../contracts/errors.js';

/** The roles a component's status is judged by; an auxiliary writer is judged more leniently than a writer. */
export type JudgedRole = 'detector' | 'backend' | 'writer' | 'auxiliary' | 'trigger';

/** What is known of one component at one moment. */
export interface ComponentView {
  readonly name: string;
  readonly role: JudgedRole;
  readonly enabled: boolean;
  /** Its own word; null when it is not known, or may be out of date. */
  readonly status: string | null;
  /** Why it does not answer; null while it does. */
  readonly error: DiaError | null;
}

/** A component that is not where the integration's state needs it to be. */
export interface Disagreement {
  readonly component: string;
  readonly expected: readonly string[];
  readonly actual: string;
}

/** What the statuses of all components mean for a state. */
export interface Interpretation {
  readonly disagreement: Disagreement | null;
  /** The first component that does not answer. */
  readonly silent: ComponentView | null;
}

const IDLE = ['idle', 'finished', 'stopped'];
const EXPOSING = ['running', 'waiting', 'transmitting'];
const RECEIVING = ['receiving', 'writing'];
const ENDED = ['finished', 'stopped'];
const PAST = ['OPEN', 'CLOSING', 'CLOSED'];

/** Words that stand for several others: that of a backend which cannot tell them apart. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  IDLE: ['INITIALIZED', 'CONFIGURED', 'CLOSED'],
  STATELESS: ['INITIALIZED', 'CONFIGURED', 'OPEN', 'CLOSED'],
};

/** A timing system has no part in how far the acquisition is, but it must not have failed. */
const TRIGGERING = ['idle', 'running', 'unknown'];

type Expectation = Readonly<Partial<Record<JudgedRole, readonly string[]>>>;

/** The words that agree with each status; a status that is not here agrees with everything. */
const EXPECTED: Readonly<Partial<Record<IntegrationStatus, Expectation>>> = {
  INITIALIZED: {
    detector: IDLE,
    backend: ['INITIALIZED'],
    writer: ['stopped'],
    auxiliary: ['stopped', 'finished'],
    trigger: TRIGGERING,
  },
  CONFIGURED: {
    detector: IDLE,
    // A backend whose settings are unchanged may have stayed open since the run before.
    backend: ['CONFIGURED', 'OPEN'],
    writer: ['stopped', 'configured'],
    auxiliary: ['stopped', 'configured', 'finished'],
    trigger: TRIGGERING,
  },
  RUNNING: {
    detector: [...EXPOSING, ...IDLE],
    backend: ['OPEN'],
    writer: [...RECEIVING, ...ENDED],
    auxiliary: ['configured', ...RECEIVING, ...ENDED],
    trigger: TRIGGERING,
  },
  DETECTOR_STOPPED: {
    detector: IDLE,
    backend: PAST,
    writer: [...RECEIVING, ...ENDED],
    auxiliary: ['configured', ...RECEIVING, ...ENDED],
    trigger: TRIGGERING,
  },
  BSREAD_STILL_RUNNING: {
    detector: IDLE,
    backend: PAST,
    writer: ENDED,
    auxiliary: ['configured', ...RECEIVING, ...ENDED],
    trigger: TRIGGERING,
  },
  FINISHED: { detector: IDLE, backend: PAST, writer: ENDED, auxiliary: ENDED, trigger: TRIGGERING },
};

/**
 * Judges whether the components are where `status` needs them to be. A disabled component, and one whose
 * status is not known, agrees with everything.
 */
export function interpretStatus(
  status: IntegrationStatus,
  components: readonly ComponentView[],
): Interpretation {
  const expectation = EXPECTED[status];
  let disagreement: Disagreement | null = null;
  let silent: ComponentView | null = null;
  for (const component of components) {
    if (!component.enabled) continue;
    if (component.error !== null) {
      silent ??= component;
      continue;
    }
    const expected = expectation?.[component.role];
    if (expected === undefined || component.status === null) continue;
    const words = STANDS_FOR[component.status] ?? [component.status];
    if (words.some((word) => expected.includes(word))) continue;
    disagreement ??= { component: component.name, expected, actual: component.status };
  }
  return { disagreement, silent };
}
