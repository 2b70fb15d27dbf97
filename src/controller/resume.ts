import type { IntegrationStatus, StartOutcome } from '../contracts/acquisition.js';
import { ComponentFailedError, type DiaError } from '../contracts/errors.js';
import type { JournalLine } from '../telemetry/journal.js';
import { type ComponentView, interpretStatus } from './interpretStatus.js';

type PlanOf = Extract<JournalLine, { plan: unknown }>['plan'];

/** Where a restarted controller goes on: the event for the acquisition machine, or null to begin anew. */
export type Resumption =
  | { readonly type: 'controller.resumed'; readonly to: 'configured'; readonly plan: PlanOf }
  | {
      readonly type: 'controller.resumed';
      readonly to: 'running' | 'finished';
      readonly plan: PlanOf;
      readonly outcome: StartOutcome;
    }
  | {
      readonly type: 'controller.resumed';
      readonly to: 'error';
      readonly error: DiaError;
      readonly files: Readonly<Record<string, string>>;
    };

/** What is known of the components when the controller is back. */
export interface Found {
  readonly views: readonly ComponentView[];
  /** The file each writer says it writes, by writer name. */
  readonly files: Readonly<Record<string, string>>;
}

const EXPOSING = ['running', 'waiting', 'transmitting'];

/**
 * Works out where the integration is from the journal's last entry and from what the components say now. Only what
 * both agree on is taken as true; anything else is an error that says what disagrees.
 */
export function resume(last: JournalLine | null, found: Found): Resumption | null {
  switch (last?.phase) {
    case undefined:
    case 'initialized':
    case 'standingDown':
      return null;
    case 'configuring':
      return agrees('INITIALIZED', found)
        ? null
        : interrupted('configured the components', found, 'INITIALIZED');
    case 'configured':
      return agrees('CONFIGURED', found)
        ? { type: 'controller.resumed', to: 'configured', plan: last.plan }
        : interrupted('was idle and configured', found, 'CONFIGURED');
    case 'starting':
      return isExposing(found) && agrees('RUNNING', found)
        ? { type: 'controller.resumed', to: 'running', plan: last.plan, outcome: outcomeOf(found, last.plan) }
        : interrupted('started the components', found, 'RUNNING');
    case 'running':
      return { type: 'controller.resumed', to: 'running', plan: last.plan, outcome: last.outcome };
    case 'finished':
      return { type: 'controller.resumed', to: 'finished', plan: last.plan, outcome: last.outcome };
    case 'error':
      return { type: 'controller.resumed', to: 'error', error: before(last.message), files: last.files };
  }
}

/** Every enabled component answers, and is where `status` needs it to be. */
function agrees(status: IntegrationStatus, { views }: Found): boolean {
  const { disagreement, silent } = interpretStatus(status, views);
  return disagreement === null && silent === null;
}

/** A start that was cut off is a run when the detectors, which come last, expose. */
function isExposing({ views }: Found): boolean {
  const detectors = views.filter(({ role, enabled }) => role === 'detector' && enabled);
  return detectors.every(({ status }) => EXPOSING.includes(status ?? ''));
}

function outcomeOf({ views, files }: Found, plan: PlanOf): StartOutcome {
  const names = (role: string) =>
    views.filter((view) => view.role === role && view.enabled).map(({ name }) => name);
  const several = Object.keys(plan.pipelines).length > 1;
  const expected = Object.fromEntries(
    Object.entries(plan.pipelines).map(([name, { writer }]) => [
      several ? `${name}.writer` : 'writer',
      writer.frames,
    ]),
  );
  return {
    files,
    detectors: names('detector'),
    writers: names('writer'),
    auxiliaryWriters: names('auxiliary'),
    expectedFrames: expected,
  };
}

function interrupted(doing: string, { views, files }: Found, status: IntegrationStatus): Resumption {
  const { disagreement, silent } = interpretStatus(status, views);
  const detail = disagreement
    ? `the ${disagreement.component} is ${disagreement.actual}, not ${disagreement.expected.join(' or ')}`
    : silent
      ? `the ${silent.name} does not answer: ${silent.error?.message ?? 'no reason known'}`
      : 'it cannot be told which components had been told already';
  const error = new ComponentFailedError(
    'component_wrong_state',
    `The controller was restarted while it ${doing}, and ${detail}.`,
    {
      component: disagreement?.component ?? silent?.name ?? 'controller',
      operation: 'resume',
      expected: disagreement ? [...disagreement.expected] : status,
      actual: disagreement?.actual ?? silent?.error?.message ?? 'unknown',
      hint: 'Reset the integration; the last config is remembered, and files written so far are kept.',
    },
  );
  return { type: 'controller.resumed', to: 'error', error, files };
}

const before = (message: string) =>
  new ComponentFailedError('component_failed', message, {
    component: 'controller',
    operation: 'resume',
    hint: 'The integration was in ERROR when the controller was restarted. Reset it.',
  });
