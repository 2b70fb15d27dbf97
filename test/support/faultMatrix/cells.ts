import type { Fault } from '../faultProxy.js';
import type { Role } from '../faultProxyIntegration.js';

/** Where an acquisition can be when something breaks. */
export const PHASES = [
  'idle',
  'configuring',
  'starting',
  'acquiring',
  'draining',
  'stopping',
  'resetting',
] as const;

/** One of them. */
export type Phase = (typeof PHASES)[number];

/** One question of the matrix. */
export interface Cell {
  readonly role: Role;
  readonly fault: Fault;
  readonly phase: Phase;
}

/** The request that a fault meets first, in the phases that a command begins: whose, and which. */
export const FIRST: Readonly<Partial<Record<Phase, Readonly<Record<Role, readonly [Role, string]>>>>> = {
  configuring: {
    detector: ['detector', 'configure'],
    backend: ['backend', 'POST /v1/state/configure'],
    writer: ['writer', 'POST /configure'],
    auxiliary: ['auxiliary', 'POST /parameters'],
    // It has no parameters; it is looked at when the others have taken theirs.
    trigger: ['detector', 'configure'],
  },
  starting: {
    detector: ['detector', 'execute start'],
    backend: ['backend', 'POST /v1/state/open'],
    writer: ['writer', 'POST /start'],
    // The broker is armed since it has its parameters; the start only looks at it.
    auxiliary: ['auxiliary', 'GET /status'],
    trigger: ['trigger', 'execute start_triggers'],
  },
  stopping: {
    detector: ['detector', 'execute stop'],
    backend: ['backend', 'POST /v1/state/close'],
    writer: ['writer', 'POST /stop'],
    auxiliary: ['auxiliary', 'GET /stop'],
    trigger: ['trigger', 'execute stop_triggers'],
  },
  resetting: {
    detector: ['detector', 'execute stop'],
    backend: ['backend', 'POST /v1/state/reset'],
    writer: ['writer', 'POST /reset'],
    auxiliary: ['auxiliary', 'GET /stop'],
    trigger: ['trigger', 'execute stop_triggers'],
  },
};

/** A word that each role must not say in a phase. */
export const WRONG_WORDS: Readonly<Record<Role, { field: string } & Readonly<Record<Phase, string>>>> = {
  detector: {
    field: 'state',
    ...{ idle: 'running', configuring: 'running', starting: 'error', acquiring: 'error' },
    ...{ draining: 'running', stopping: 'running', resetting: 'running' },
  },
  backend: {
    field: 'global_state',
    ...{ idle: 'OPEN', configuring: 'INITIALIZED', starting: 'CONFIGURED', acquiring: 'CLOSED' },
    ...{ draining: 'ERROR', stopping: 'CLOSED', resetting: 'CONFIGURED' },
  },
  writer: {
    field: 'status',
    ...{ idle: 'receiving', configuring: 'writing', starting: 'configured', acquiring: 'configured' },
    ...{ draining: 'error', stopping: 'writing', resetting: 'configured' },
  },
  auxiliary: {
    field: 'status',
    ...{ idle: 'receiving', configuring: 'receiving', starting: 'error', acquiring: 'error' },
    ...{ draining: 'error', stopping: 'receiving', resetting: 'configured' },
  },
  trigger: {
    field: 'triggers',
    ...{ idle: 'error', configuring: 'error', starting: 'error', acquiring: 'error' },
    ...{ draining: 'error', stopping: 'error', resetting: 'error' },
  },
};

/** What a component is when it was told that the run is over. */
export const TOLD: Readonly<Record<Role, readonly string[]>> = {
  detector: ['idle'],
  backend: ['INITIALIZED', 'CONFIGURED', 'CLOSED'],
  writer: ['stopped', 'finished'],
  auxiliary: ['stopped'],
  trigger: ['idle'],
};

/** Faults under which a component carries out what it is told all the same. */
export const CARRIES_OUT: readonly Fault[] = ['slow', 'wrongState', 'cuts'];
