import { type Actor, createActor, fromPromise } from 'xstate';
import { acquisitionMachine } from '../../machines/acquisition.machine.js';
import type { AcquisitionPlan, StandDown, StartOutcome } from '../contracts/acquisition.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  InternalError,
  toDiaError,
} from '../contracts/errors.js';
import type { JournalEntry } from '../telemetry/journal.js';
import type { Telemetry } from '../telemetry/logger.js';
import { agree } from './agree.js';
import type { Components } from './components.js';
import { forMany } from './inParallel.js';
import { inTime } from './memory.js';
import type { Applied } from './work/applied.js';
import { configureComponents } from './work/configure.js';
import { replaceHung } from './work/replaceHung.js';
import { endRun, standDown } from './work/standDown.js';
import { startRun } from './work/startRun.js';
import { verifyFiles } from './work/verifyFiles.js';

/** How long each part of an acquisition's life may take, in milliseconds. */
export interface AcquisitionLimits {
  readonly configureTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly settleTimeoutMs: number;
  readonly verifyTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly auxiliaryTimeoutMs: number;
}

export interface AcquisitionActorOptions {
  readonly limits: AcquisitionLimits;
  readonly telemetry: Telemetry;
  readonly applied: Applied;
  readonly restartsFromFinished: boolean;
  /** Writes down what is about to be done; on disk when it returns. */
  readonly record: (entry: JournalEntry) => Promise<void>;
  readonly replaceProgram: (address: string) => Promise<void>;
}

export type AcquisitionActor = Actor<typeof acquisitionMachine>;

/** Binds the work of the controller to the acquisition machine. */
export function createAcquisitionActor(
  components: Components,
  { limits, telemetry, applied, restartsFromFinished, record, replaceProgram }: AcquisitionActorOptions,
): AcquisitionActor {
  const settled = (
    status: 'INITIALIZED' | 'CONFIGURED' | 'RUNNING',
    { sinceMs, signal }: { sinceMs: number; signal: AbortSignal },
  ) => agree(components, status, { sinceMs, signal, timeoutMs: limits.settleTimeoutMs });

  const actor: AcquisitionActor = createActor(
    acquisitionMachine.provide({
      actors: {
        configureComponents: fromPromise<void, { plan: AcquisitionPlan | null }>(
          async ({ input, signal }) => {
            await record({ phase: 'configuring', plan: planned(input.plan) });
            signal.throwIfAborted();
            const sinceMs = performance.now();
            await configureComponents(components, planned(input.plan), { applied, signal: forMany(signal) });
            await settled('CONFIGURED', { sinceMs, signal });
          },
        ),
        startComponents: fromPromise<StartOutcome, { plan: AcquisitionPlan | null; triggerStart: boolean }>(
          async ({ input, signal }) => {
            const plan = planned(input.plan);
            await record({ phase: 'starting', plan });
            signal.throwIfAborted();
            const sinceMs = performance.now();
            const outcome = await startRun(
              components,
              { plan, triggerStart: input.triggerStart },
              forMany(signal),
            );
            // The run is on its way whatever the components say next.
            const recorded = record({ phase: 'running', plan, outcome });
            await Promise.all([settled('RUNNING', { sinceMs, signal }), recorded]);
            return outcome;
          },
        ),
        standDown: fromPromise<void, { how: StandDown }>(async ({ input, signal }) => {
          applied.forgetAll();
          // Whatever the disk says, and also when it says nothing, the detector is stopped.
          const recorded = inTime(record({ phase: 'standingDown' }), limits.settleTimeoutMs);
          await recorded.catch(logFailure(telemetry));
          if (input.how === 'kill') await replaceHung(components, replaceProgram, forMany(signal));
          const sinceMs = performance.now();
          await standDown(components, input.how, forMany(signal));
          await settled('INITIALIZED', { sinceMs, signal });
        }),
        verifyFiles: fromPromise<void, { endWriters: boolean }>(async ({ input, signal }) => {
          const { plan, files } = actor.getSnapshot().context;
          await verifyFiles(components, {
            plan: planned(plan),
            files,
            endWriters: input.endWriters,
            timeoutMs: limits.verifyTimeoutMs,
            signal: forMany(signal),
          });
        }),
        makeSafe: fromPromise(async ({ signal }) => {
          applied.forgetAll();
          const failures = await endRun(components, 'stop', forMany(signal));
          failures.forEach(logFailure(telemetry));
        }),
      },
      delays: {
        configureDeadline: limits.configureTimeoutMs,
        startDeadline: limits.startTimeoutMs,
        standDownDeadline: limits.stopTimeoutMs,
        verifyDeadline: limits.verifyTimeoutMs,
        drainTimeout: limits.drainTimeoutMs,
        auxiliaryTimeout: limits.auxiliaryTimeoutMs,
      },
    }),
    { input: { deadlineError: deadlineError(components), restartsFromFinished } },
  );
  return actor;
}

const logFailure =
  ({ log }: Telemetry) =>
  (thrown: unknown): void => {
    const { message, code, facts } = toDiaError(thrown);
    log.warn(`While standing down: ${message}`, { code, component: facts.component });
  };

function planned(plan: AcquisitionPlan | null): AcquisitionPlan {
  if (plan === null) throw new InternalError('internal', 'The acquisition has no plan.');
  return plan;
}

const deadlineError = (components: Components) => (operation: string) =>
  operation === 'acquire' ? stalled() : late(operation, components);

const stalled = () =>
  new ComponentFailedError('stalled', 'The acquisition has stalled: no new frame came in time.', {
    component: 'detector',
    operation: 'acquire',
    expected: 'a frame at least every stall.timeoutMs of the deployment',
    actual: 'none',
    hint: 'Look whether the detector exposes and triggers come; GET /api/v1/metrics shows where frames stop. Then reset.',
  });

/** Names the first component that does not answer, or is still to be heard of. */
function late(operation: string, components: Components): ComponentSilentError {
  const behind = components
    .views()
    .find(({ enabled, status, error }) => enabled && (error !== null || status === null));
  return new ComponentSilentError('component_timeout', `The components did not ${operation} in time.`, {
    component: behind?.name ?? 'controller',
    operation,
    expected: `all components to ${operation} within the limits of the deployment`,
    actual: behind?.error?.message ?? 'it still goes on',
    hint: 'GET /api/v1/status_details tells which component hangs. Reset once it answers again.',
  });
}
