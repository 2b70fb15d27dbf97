import type { StandDown } from '../../contracts/acquisition.js';
import type { Backend } from '../../contracts/backend.js';
import type { CallOptions } from '../../contracts/component.js';
import type { Detector } from '../../contracts/detector.js';
import { toDiaError } from '../../contracts/errors.js';
import type { Trigger } from '../../contracts/trigger.js';
import type { Components } from '../components.js';
import { allToTheEnd } from '../inParallel.js';
import type { Supervisor, Watched } from '../supervisor.js';

/**
 * Ends whatever is under way and brings every enabled component back to its beginning: trigger, detectors,
 * backends, writers. A failure of one never keeps the next from being told; the first is thrown at the end.
 */
export async function standDown(components: Components, how: StandDown, signal: AbortSignal): Promise<void> {
  const errors = await endRun(components, how, signal);
  // Everything is at rest now, so what is left needs no order.
  errors.push(
    ...(await allToTheEnd([
      ...components.pipelines
        .filter(({ backend }) => backend.enabled)
        .map(
          ({ backend }) =>
            () =>
              backend.command('reset', signal, (adapter, options) => adapter.reset(options)),
        ),
      ...components.writers
        .filter((writer) => writer.enabled)
        .map((writer) => () => writer.command('reset', signal, (adapter, options) => adapter.reset(options))),
    ])),
  );
  signal.throwIfAborted();
  if (errors.length > 0) throw toDiaError(errors[0]);
}

/**
 * Stops trigger, detectors, backends and writers in that order, roles of all pipelines in parallel, and keeps
 * what was written; answers what failed on the way.
 */
export async function endRun(
  components: Components,
  how: StandDown,
  signal: AbortSignal,
): Promise<unknown[]> {
  const { pipelines, trigger, writers } = components;
  const errors: unknown[] = [];
  const together = async (tasks: (() => Promise<unknown>)[]) => {
    errors.push(...(await allToTheEnd(tasks)));
  };
  await together(trigger?.enabled ? [() => stopExposing(trigger, signal)] : []);
  await together(
    pipelines
      .filter(({ detector }) => detector.enabled)
      .map(
        ({ detector }) =>
          () =>
            stopExposing(detector, signal),
      ),
  );
  await together(
    pipelines
      .filter(({ backend }) => backend.enabled)
      .map(
        ({ backend }) =>
          () =>
            closeIfOpen(backend, signal),
      ),
  );
  await together(
    writers
      .filter((writer) => writer.enabled && (how === 'kill' || !hasEnded(writer)))
      .map(
        (writer) => () =>
          writer.call(how === 'kill' ? 'kill' : 'stop', signal, (adapter, options) =>
            how === 'kill' ? adapter.kill(options) : adapter.stop(options),
          ),
      ),
  );
  return errors;
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

/** Asks first: what was seen last may be from before it was opened, and one that is not open refuses to close. */
async function closeIfOpen(backend: Supervisor<Backend>, signal: AbortSignal): Promise<void> {
  const status = await backend.call('status', signal, (adapter, options) => adapter.status(options));
  if (status !== 'OPEN') return;
  await backend.call('close', signal, (adapter, options) => adapter.close(options));
}
