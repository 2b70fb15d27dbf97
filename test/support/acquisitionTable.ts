import type { StatePath } from './acquisitionDriver.js';

/** State, status reported, and where each command leads (null: not accepted, nothing happens). */
export interface Row {
  readonly state: StatePath;
  readonly status: string;
  readonly configure: StatePath | null;
  readonly start: StatePath | null;
  readonly startWithConfig: StatePath | null;
  readonly stop: StatePath | null;
  readonly reset: StatePath | null;
  readonly kill: StatePath | null;
}

const standDown = { stop: 'resetting', reset: 'resetting', kill: 'resetting' } as const;
const inRun = {
  configure: null,
  start: null,
  startWithConfig: null,
  stop: 'stopping',
  reset: 'resetting',
  kill: 'resetting',
} as const;
const onlyStandDown = { configure: null, start: null, startWithConfig: null, ...standDown } as const;
const onlyKill = {
  configure: null,
  start: null,
  startWithConfig: null,
  stop: null,
  reset: null,
  kill: 'resetting',
} as const;

/** The table of states and commands that the machine is held to. */
export const TABLE: readonly Row[] = [
  {
    state: 'initialized',
    status: 'INITIALIZED',
    configure: 'configuring',
    start: null,
    startWithConfig: 'configuring',
    ...standDown,
  },
  { state: 'configuring', status: 'INITIALIZED', ...onlyStandDown },
  {
    state: 'configured',
    status: 'CONFIGURED',
    configure: 'configuring',
    start: 'starting',
    startWithConfig: 'configuring',
    ...standDown,
  },
  { state: 'starting', status: 'CONFIGURED', ...onlyStandDown },
  { state: 'running.acquiring', status: 'RUNNING', ...inRun },
  { state: 'running.draining', status: 'DETECTOR_STOPPED', ...inRun },
  { state: 'running.auxiliary', status: 'BSREAD_STILL_RUNNING', ...inRun },
  { state: 'running.verifying', status: 'DETECTOR_STOPPED', ...inRun },
  { state: 'finished', status: 'FINISHED', ...onlyStandDown },
  { state: 'stopping', status: 'RUNNING', ...onlyKill },
  { state: 'resetting', status: 'CONFIGURED', ...onlyKill },
  { state: 'error.settling', status: 'ERROR', ...onlyStandDown },
  { state: 'error.settled', status: 'ERROR', ...onlyStandDown },
];

/** The machine's event for each column of the table. */
export const COMMANDS = {
  configure: 'acquisition.configure',
  start: 'acquisition.start',
  startWithConfig: 'acquisition.start',
  stop: 'acquisition.stop',
  reset: 'acquisition.reset',
  kill: 'acquisition.kill',
} as const;
