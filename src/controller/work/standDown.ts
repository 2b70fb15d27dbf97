import type { StandDown } from '../../contracts/acquisition.js';
import type { Backend } from '../../contracts/backend.js';
import type { CallOptions } from '../../contracts/component.js';
import type { Detector } from '../../contracts/detector.js';
import { toDiaError } from '../../contracts/errors.js';
import type { Trigger } from '../../contracts/trigger.js';
import type { Writer } from '../../contracts/writer.js';
import type { Components } from '../components.js';
import { allToTheEnd } from '../inParallel.js';
import type { Supervisor, Watched } from '../supervisor.js';
import { askBackend } from './askBackend.js';

type Step = () => Promise<unknown>;

/** Words of what makes no frames come. */
const IDLE = ['idle', 'finished', 'stopped'];
/** Words of a writer that takes no frames: one that does still waits for what detector and backend have left. */
const TAKES_NONE = ['configured', 'finished', 'stopped'];

/**
 * Ends whatever is under way and brings every enabled component back to its beginning: trigger, detectors,
 * backends, writers, in that order while frames may come. A failure of one never keeps the next from being told; the first is
 * thrown at the end.
 */
export async function standDown(components: Components, how: StandDown, signal: AbortSignal): Promise<void> {
  const { trigger, detectors, backends, writers } = endings(components, how, signal);
  const resetBackends = components.pipelines
    .filter(({ backend }) => backend.enabled)
    .map(
      ({ backend }): Step =>
        () =>
          backend.command('reset', signal, (adapter, options) => adapter.reset(options)),
    );
  const resetWriters = components.writers
    .filter((writer) => writer.enabled)
    .map(
      (writer): Step =>
        () =>
          writer.command('reset', signal, (adapter, options) => adapter.reset(options)),
    );
  // Where everything is at rest, nothing needs an order but what one component is told.
  const errors =
    how !== 'kill' && isAtRest(components)
      ? await Promise.all([
          oneAfterTheOther([[...trigger, ...detectors]]),
          oneAfterTheOther([backends, resetBackends]),
          oneAfterTheOther([writers, resetWriters]),
        ])
      : [
          await oneAfterTheOther([
            ...[trigger, detectors, backends, writers],
            [...resetBackends, ...resetWriters],
          ]),
        ];
  signal.throwIfAborted();
  const [first] = errors.flat();
  if (first !== undefined) throw toDiaError(first);
}

/**
 * Stops trigger, detectors, backends and writers in that order, roles of all pipelines in parallel, and keeps
 * what was written; answers what failed on the way.
 */
export function endRun(components: Components, how: StandDown, signal: AbortSignal): Promise<unknown[]> {
  const { trigger, detectors, backends, writers } = endings(components, how, signal);
  return oneAfterTheOther([trigger, detectors, backends, writers]);
}

/** Takes the steps of each round at once, whatever fails; answers what did. */
async function oneAfterTheOther(rounds: readonly (readonly Step[])[]): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const steps of rounds) errors.push(...(await allToTheEnd(steps)));
  return errors;
}

/** What ends a run, by role. */
function endings({ pipelines, trigger, writers }: Components, how: StandDown, signal: AbortSignal) {
  return {
    trigger: trigger?.enabled ? [() => stopExposing(trigger, signal)] : [],
    detectors: pipelines
      .filter(({ detector }) => detector.enabled)
      .map(
        ({ detector }): Step =>
          () =>
            stopExposing(detector, signal),
      ),
    backends: pipelines
      .filter(({ backend }) => backend.enabled)
      .map(
        ({ backend }): Step =>
          () =>
            closeIfOpen(backend, signal),
      ),
    writers: writers
      .filter(({ enabled }) => enabled)
      .map(
        (writer): Step =>
          () =>
            end(writer, how, signal),
      ),
  };
}

/** Whether no frames come and none are on their way any more, as far as is known. */
function isAtRest({ pipelines, trigger }: Components): boolean {
  const sources: Watched[] = [
    ...(trigger === null ? [] : [trigger]),
    ...pipelines.map((one) => one.detector),
  ];
  const takers: Watched[] = pipelines.map((one) => one.writer);
  return (
    sources.every(({ enabled, settledStatus }) => !enabled || IDLE.includes(settledStatus ?? '')) &&
    takers.every(({ enabled, settledStatus }) => !enabled || TAKES_NONE.includes(settledStatus ?? ''))
  );
}

async function end(writer: Supervisor<Writer>, how: StandDown, signal: AbortSignal): Promise<void> {
  if (how === 'kill') await writer.call('kill', signal, (adapter, options) => adapter.kill(options));
  else if (!hasEnded(writer)) await writer.call('stop', signal, (adapter, options) => adapter.stop(options));
}

/** Stops what makes frames come: a detector, or the trigger of all. */
export function stopExposing(
  one: Supervisor<Detector> | Supervisor<Trigger>,
  signal: AbortSignal,
): Promise<void> {
  const stop = (adapter: Detector | Trigger, options: CallOptions) => adapter.stop(options);
  return one.command('stop', signal, stop);
}

/** Every command, also one that failed, makes what was seen before it unknown: what is known is from after the last. */
const hasEnded = ({ observation }: Watched) =>
  observation?.status === 'stopped' || observation?.status === 'finished';

/** One that is not open refuses to close. Where it is is only asked when it is not known. */
async function closeIfOpen(backend: Supervisor<Backend>, signal: AbortSignal): Promise<void> {
  if ((backend.settledStatus ?? (await askBackend(backend, signal))) !== 'OPEN') return;
  await backend
    .call('close', signal, (adapter, options) => adapter.close(options))
    .catch(async (error) => {
      // It may have closed by itself since it was looked at.
      if ((await askBackend(backend, signal)) === 'OPEN') throw error;
    });
}
