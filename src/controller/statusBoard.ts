import type { SnapshotFrom } from 'xstate';
import type { acquisitionMachine } from '../../machines/acquisition.machine.js';
import type { AcquisitionPlan, IntegrationStatus, Progress, StatusReport } from '../contracts/acquisition.js';
import { ComponentFailedError, type DiaError } from '../contracts/errors.js';
import type { WriterStatistics } from '../contracts/writer.js';
import type { Components } from './components.js';
import { type Disagreement, interpretStatus } from './interpretStatus.js';

type Snapshot = SnapshotFrom<typeof acquisitionMachine>;

const TRANSITIONS = ['configuring', 'starting', 'stopping', 'resetting'] as const;
/** What is said while the detector is being stopped and files are being closed after an error. */
const SETTLING = 'stopping';

/** Works out what is reported from what is known: the machine's state, and the last answer of each component. */
export function report(snapshot: Snapshot, components: Components, last: StatusReport | null): StatusReport {
  const { context } = snapshot;
  const transition = snapshot.matches({ error: 'settling' })
    ? SETTLING
    : (TRANSITIONS.find((state) => snapshot.matches(state)) ?? null);
  const { silent, disagreement } = interpretStatus(context.status, components.views());
  const error = reason(context.error, silent?.error ?? null, transition === null ? disagreement : null);
  const contradicted =
    error !== null && context.error === null && silent === null && contradict(context.status, components);
  return {
    status: error === null ? context.status : contradicted ? 'INCONSISTENT' : 'ERROR',
    transition,
    error,
    file: fileOf(components, context.files),
    progress: progressOf(components, last?.progress ?? null),
    notice: context.stalled && context.error === null ? stallNotice(context.plan) : null,
  };
}

/** The file of the first pipeline that has one; those of auxiliary writers only stand in for it. */
function fileOf({ pipelines }: Components, files: Readonly<Record<string, string>>): string | null {
  const ofPipelines = pipelines.flatMap(({ writer }) => files[writer.name] ?? []);
  return ofPipelines[0] ?? Object.values(files)[0] ?? null;
}

const stallNotice = (plan: AcquisitionPlan | null) =>
  `The acquisition has stalled: no new frame for more than ${(plan?.stall.timeoutMs ?? 0) / 1000} s. ` +
  'Look whether the detector exposes and triggers come; GET /api/v1/metrics shows where frames stop.';

/** Whether pipelines contradict each other: some are where the state needs them to be, and others are not. */
function contradict(status: IntegrationStatus, { pipelines }: Components): boolean {
  const agreeing = pipelines
    .map(({ detector, backend, writer }) => [detector, backend, writer].map((one) => one.view()))
    .filter((views) => views.some(({ enabled }) => enabled))
    .map((views) => interpretStatus(status, views).disagreement === null);
  return agreeing.includes(true) && agreeing.includes(false);
}

function reason(
  own: DiaError | null,
  silent: DiaError | null,
  disagreement: Disagreement | null,
): DiaError | null {
  if (own !== null) return own;
  if (silent !== null) return silent;
  return disagreement === null ? null : outOfPlace(disagreement);
}

/** A component that is not where the integration's state needs it to be. */
export function outOfPlace({ component, expected, actual }: Disagreement): ComponentFailedError {
  return new ComponentFailedError(
    'component_wrong_state',
    `The ${component} is ${actual}, but the integration expects it to be ${expected.join(' or ')}.`,
    {
      component,
      operation: 'status',
      expected: [...expected],
      actual,
      hint: 'Somebody or something else moved this component, or it was restarted. Reset the integration.',
    },
  );
}

/** The counts of all writers; `last` while they may be out of date, null when nothing is asked of them. */
function progressOf({ pipelines }: Components, last: Progress | null): Progress | null {
  const writers = pipelines.filter(({ writer }) => writer.enabled);
  if (writers.some(({ writer }) => writer.observation === null)) return last;
  const counts = writers.flatMap(({ writer }) => writer.observation?.report?.statistics ?? []);
  if (counts.every(({ expectedFrames, receivedFrames }) => expectedFrames === 0 && receivedFrames === 0)) {
    return null;
  }
  const sum = (pick: (one: WriterStatistics) => number) => counts.reduce((all, one) => all + pick(one), 0);
  return {
    writtenFrames: sum((one) => one.writtenFrames),
    receivedFrames: sum((one) => one.receivedFrames),
    lostFrames: sum((one) => one.lostFrames),
    expectedFrames: sum((one) => one.expectedFrames),
    writtenBytes: sum((one) => one.writtenBytes),
    frameRateHz: sum((one) => one.frameRateHz),
  };
}
