import { ComponentFailedError, type DiaError } from '../contracts/errors.js';
import type { JsonObject } from '../contracts/json.js';
import type { AcquisitionActor } from './acquisitionActor.js';
import type { Components } from './components.js';
import type { EventLog } from './eventLog.js';
import { interpretStatus } from './interpretStatus.js';
import { outOfPlace } from './statusBoard.js';
import type { SupervisorChange, Watched } from './supervisor.js';

/** At most so many progress events a second reach the clients. */
const PROGRESS_EVENTS_HZ = 10;

const FAILED = ['error', 'ERROR'];

/**
 * Carries what the supervisors see to the acquisition machine and to the event log, and lets the supervisors
 * look as often as the machine's state needs it. `refresh` is called after every change.
 */
export function watchRun(
  actor: AcquisitionActor,
  components: Components,
  events: EventLog,
  refresh: () => void,
): void {
  const tellProgress = progressTeller(events);

  for (const component of components.all) {
    let word = '';
    component.subscribe((change) => {
      tellMachine(actor, component, change);
      const view = component.view();
      const now = view.enabled ? (view.error?.message ?? view.status ?? word) : 'DISABLED';
      if (now !== word) {
        word = now;
        events.add('component', { component: component.name, status: now });
      }
      refresh();
      if (change.observation?.report) tellProgress(component, change);
    });
  }

  actor.subscribe((snapshot) => {
    const pace = snapshot.hasTag('watched') || snapshot.hasTag('transition') ? 'running' : 'idle';
    for (const component of components.all) component.setPace(pace);
    refresh();
  });

  /** During a run, a component that fails or goes where it should not be ends the run. */
  function tellMachine(machine: AcquisitionActor, component: Watched, change: SupervisorChange): void {
    if (change.lost !== null) {
      machine.send({
        type: 'component.lost',
        component: component.name,
        error: lost(component.name, change.lost),
      });
    }
    if (change.observation === null) return;
    const { status, report } = change.observation;
    machine.send({
      type: 'component.status',
      component: component.name,
      status,
      ...(report
        ? { writtenFrames: report.statistics.writtenFrames, expectedFrames: report.statistics.expectedFrames }
        : {}),
    });
    const snapshot = machine.getSnapshot();
    // While files are judged it no longer matters who is where: a writer that ended early leaves the detector running.
    if (!snapshot.matches('running') || snapshot.matches({ running: 'verifying' })) return;
    const { disagreement } = interpretStatus(snapshot.context.status, [component.view()]);
    if (disagreement === null) return;
    const error = FAILED.includes(status)
      ? failed(component.name, report?.error ?? null)
      : outOfPlace(disagreement);
    machine.send({ type: 'component.lost', component: component.name, error });
  }
}

const failed = (component: string, why: string | null) =>
  new ComponentFailedError(
    'component_failed',
    `The ${component} failed during the acquisition${why ? `: ${why}` : ''}.`,
    {
      component,
      operation: 'acquire',
      expected: 'no error until the end of the acquisition',
      actual: why ?? 'error',
      hint: 'Look at the log of this component; what was written before is kept. Then reset.',
    },
  );

const lost = (component: string, error: DiaError) =>
  new ComponentFailedError(
    'component_lost',
    `The ${component} was lost during the acquisition: ${error.message}`,
    {
      ...error.facts,
      component,
      hint: 'Look whether the component still runs and can be reached; what was written before is kept. Then reset.',
    },
  );

function progressTeller(events: EventLog) {
  const toldAt = new Map<string, { at: number; told: string }>();
  return (component: Watched, { observation }: SupervisorChange) => {
    const report = observation?.report;
    if (!report) return;
    const { statistics, status } = report;
    const before = toldAt.get(component.name);
    const now = `${statistics.writtenFrames}/${statistics.lostFrames}/${status}`;
    const due = before === undefined || performance.now() - before.at >= 1000 / PROGRESS_EVENTS_HZ;
    const ended = status === 'finished' || status === 'stopped';
    if (before?.told === now || (!due && !ended)) return;
    toldAt.set(component.name, { at: performance.now(), told: now });
    const data: JsonObject = {
      component: component.name,
      writtenFrames: statistics.writtenFrames,
      receivedFrames: statistics.receivedFrames,
      lostFrames: statistics.lostFrames,
      expectedFrames: statistics.expectedFrames,
      writtenBytes: statistics.writtenBytes,
      frameRateHz: statistics.frameRateHz,
    };
    events.add('progress', data);
  };
}
