import type { AcquisitionContext } from '../../machines/acquisitionContext.js';
import { ENDED, IDLE, type Seen } from '../../machines/observed.js';
import type { Observation } from '../contracts/component.js';
import { ComponentFailedError, type DiaError, NoSpaceError } from '../contracts/errors.js';
import type { JsonObject } from '../contracts/json.js';
import type { WriterReport } from '../contracts/writer.js';
import type { AcquisitionActor } from './acquisitionActor.js';
import type { Components, Pipeline } from './components.js';
import type { EventLog } from './eventLog.js';
import { interpretStatus } from './interpretStatus.js';
import { outOfPlace } from './statusBoard.js';
import type { StatusReporter } from './statusReporter.js';
import type { Pace, SupervisorChange, Watched } from './supervisor.js';

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
  reporter: Pick<StatusReporter, 'refresh' | 'refreshSoon'>,
): void {
  const tellProgress = progressTeller(events);

  for (const component of components.all) {
    let word = '';
    let lastReport: WriterReport | null = null;
    component.subscribe((change) => {
      lastReport = change.observation?.report ?? lastReport;
      tellMachine(component, change, lastReport);
      const view = component.view();
      const now = view.enabled ? (view.error?.message ?? view.status ?? word) : 'DISABLED';
      if (now !== word) {
        word = now;
        events.add('component', { component: component.name, status: now });
      }
      reporter.refreshSoon();
      if (change.observation?.report) tellProgress(component, change);
    });
  }
  for (const pipeline of components.pipelines) lookWithWriter(pipeline);

  let pace: Pace = 'idle';
  let draining = false;
  let runs = false;
  let works = false;
  let state = '';
  actor.subscribe((snapshot) => {
    const now = JSON.stringify(snapshot.value);
    if (now === state) {
      reporter.refreshSoon();
      return;
    }
    state = now;
    const before = { pace, draining, runs, works };
    works = snapshot.hasTag('transition');
    runs = snapshot.matches('running');
    // Work looks at whatever it touches, and at what is not yet where it should be.
    pace = snapshot.hasTag('watched') ? 'running' : 'idle';
    for (const component of components.all) {
      component.setPace(pace);
      // A run that is taken up again has no work before it that would have looked.
      if (pace !== before.pace && !before.works && snapshot.hasTag('watched')) component.look();
    }
    if (runs && !before.runs) {
      tellAll();
      // Each is a request: the answer to the start goes first.
      setImmediate(followEnds);
    }
    // What was expected of a run has come with its end, or does not matter any more.
    if (before.runs && !runs) for (const component of components.all) component.expectChange([]);
    draining = snapshot.matches({ running: 'draining' });
    // The detectors are done, so any moment now the writers are.
    if (draining && !before.draining) {
      for (const { detector } of components.pipelines) detector.expectChange([]);
      for (const writer of components.writers) writer.expectChange([performance.now()]);
    }
    reporter.refresh();
  });

  /** A writer that has its frames has them from a detector that is done: it is looked at now, and not when its turn comes. */
  function lookWithWriter({ detector, writer }: Pipeline): void {
    let hadEnded = false;
    writer.subscribe(({ observation }) => {
      if (observation === null) return;
      const hasEnded = ENDED.includes(observation.status);
      const isLate = detector.enabled && !IDLE.includes(detector.observation?.status ?? '');
      if (runs && hasEnded && !hadEnded && isLate) detector.look();
      hadEnded = hasEnded;
    });
  }

  function followEnds(): void {
    if (runs) for (const writer of components.writers) writer.followEnd();
  }

  /** What the start has left to be seen counts as seen in the run. */
  function tellAll(): void {
    const { context } = actor.getSnapshot();
    const seen = components.all.flatMap(({ name, observation }) =>
      observation === null ? [] : news(context, name, observation),
    );
    if (seen.length > 0) actor.send({ type: 'components.seen', seen });
    for (const component of components.all) {
      if (component.observation !== null) judge(component, component.observation);
    }
  }

  /** During a run, a component that fails or goes where it should not be ends the run. */
  function tellMachine(component: Watched, change: SupervisorChange, lastReport: WriterReport | null): void {
    if (change.lost !== null) {
      actor.send({
        type: 'component.lost',
        component: component.name,
        error: lost(component.name, change.lost, lastReport),
      });
    }
    // Nothing else is moved by what components say.
    if (change.observation === null || !actor.getSnapshot().matches('running')) return;
    const [seen] = news(actor.getSnapshot().context, component.name, change.observation);
    if (seen !== undefined) actor.send({ type: 'component.status', ...seen });
    judge(component, change.observation);
  }

  /** Ends a run in which a component is where it should not be. */
  function judge(component: Watched, { status, report }: Observation): void {
    const snapshot = actor.getSnapshot();
    // While files are judged it no longer matters who is where: a writer that ended early leaves the detector running.
    if (!snapshot.matches('running') || snapshot.matches({ running: 'verifying' })) return;
    const { disagreement } = interpretStatus(snapshot.context.status, [component.view()]);
    if (disagreement === null) return;
    const error = FAILED.includes(status)
      ? failed(component.name, report?.error ?? null)
      : outOfPlace(disagreement);
    actor.send({ type: 'component.lost', component: component.name, error });
  }
}

/** What the machine does not know yet: most looks during a run find what the look before has found. */
function news(
  { detectors, writers, auxiliaryWriters }: AcquisitionContext,
  component: string,
  { status, report }: Observation,
): Seen[] {
  const known = detectors[component] ?? writers[component] ?? auxiliaryWriters[component];
  if (known === undefined) return [];
  const writtenFrames = report?.statistics.writtenFrames ?? 0;
  const expectedFrames = report?.statistics.expectedFrames ?? 0;
  const isNew =
    known.status !== status || known.writtenFrames < writtenFrames || known.expectedFrames < expectedFrames;
  return isNew ? [{ component, status, writtenFrames, expectedFrames }] : [];
}

function failed(component: string, why: string | null): DiaError {
  const text = `The ${component} failed during the acquisition${why ? `: ${why}` : ''}`;
  const facts = {
    component,
    operation: 'acquire',
    expected: 'no error until the end of the acquisition',
    actual: why ?? 'error',
  };
  // Writers of every make say it in the words of the operating system.
  if (/no space left|quota exceeded/i.test(why ?? '')) {
    return new NoSpaceError('no_space', sentence(text), {
      ...facts,
      hint: 'What was written before is kept. Make room on the disk, then reset; `dia verify --repair` opens the file.',
    });
  }
  return new ComponentFailedError('component_failed', sentence(text), {
    ...facts,
    hint: 'Look at the log of this component; what was written before is kept. Then reset.',
  });
}

const sentence = (text: string) => (text.endsWith('.') ? text : `${text}.`);

/** The error of a component that a run goes on without. */
export function lost(component: string, error: DiaError, report: WriterReport | null): ComponentFailedError {
  const text = `The ${component} was lost during the acquisition: ${error.message}`;
  const hint =
    'Look whether the component still runs and can be reached; what was written before is kept. Then reset.';
  return new ComponentFailedError('component_lost', report === null ? text : `${text} ${lastKnown(report)}`, {
    ...error.facts,
    component,
    hint: report === null ? hint : `${hint} \`dia verify --repair\` opens a file whose writer was killed.`,
  });
}

/** How far a writer was when it was last heard of. */
function lastKnown({ statistics: { writtenFrames, expectedFrames }, file }: WriterReport): string {
  const expected = expectedFrames > 0 ? ` of ${expectedFrames}` : '';
  return `When it was last heard of it had written ${writtenFrames}${expected} frames to ${file ?? 'no file'}.`;
}

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
