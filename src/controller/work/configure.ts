import type { AcquisitionPlan } from '../../contracts/acquisition.js';
import type { Backend } from '../../contracts/backend.js';
import { ComponentFailedError } from '../../contracts/errors.js';
import type { Section } from '../../contracts/json.js';
import type { Writer, WriterParameters } from '../../contracts/writer.js';
import { prepareVerification } from '../../files/verifyInWorker.js';
import type { Components, Pipeline } from '../components.js';
import { inParallel } from '../inParallel.js';
import type { Supervisor } from '../supervisor.js';
import type { Applied } from './applied.js';
import { askBackend } from './askBackend.js';

type Task = (signal: AbortSignal) => Promise<void>;

/** States of a backend that has its settings. */
const CONFIGURED_BACKEND: readonly string[] = ['CONFIGURED', 'OPEN', 'IDLE', 'STATELESS'];

/**
 * Hands the plan to every enabled component, all in parallel. A detector or backend that still has what it is to
 * be told is left alone.
 */
export async function configureComponents(
  components: Components,
  plan: AcquisitionPlan,
  { applied, signal }: { applied: Applied; signal: AbortSignal },
): Promise<void> {
  const tasks: Task[] = components.pipelines.flatMap((pipeline) => {
    const settings = plan.pipelines[pipeline.name];
    if (settings === undefined) return [];
    return [
      configureDetector(pipeline, settings.detector, applied),
      configureBackend(pipeline, settings.backend, applied),
      configureWriter(pipeline.writer, settings.writer),
    ];
  });
  for (const writer of components.auxiliaryWriters) {
    const parameters = plan.auxiliary[writer.name];
    if (parameters !== undefined) tasks.push(configureWriter(writer, parameters));
  }
  await inParallel(signal, tasks);
  // Before the first run ends, and not before there is a run: the library takes as much memory as all the rest.
  prepareVerification().catch(() => undefined);
}

function configureDetector({ detector }: Pipeline, parameters: Section, applied: Applied): Task {
  return async (signal) => {
    if (!detector.enabled || applied.has(detector.name, parameters)) return;
    applied.forget(detector.name);
    await detector.command('configure', signal, (adapter, options) => adapter.configure(parameters, options));
    applied.remember(detector.name, parameters);
  };
}

/**
 * A backend takes settings only when INITIALIZED, so one that is further on is reset first. Only one that is known to be at its
 * beginning is not asked where it is, unless it refuses: somebody else may have moved it.
 */
function configureBackend({ backend }: Pipeline, settings: Section, applied: Applied): Task {
  const configure = (signal: AbortSignal) =>
    backend.command('configure', signal, (adapter, options) => adapter.configure(settings, options));
  return async (signal) => {
    if (!backend.enabled) return;
    const isAtItsBeginning = backend.settledStatus === 'INITIALIZED';
    const status = isAtItsBeginning ? 'INITIALIZED' : await askBackend(backend, signal);
    if (CONFIGURED_BACKEND.includes(status) && applied.has(backend.name, settings)) return;
    applied.forget(backend.name);
    if (status !== 'INITIALIZED') await resetBackend(backend, signal);
    await configure(signal).catch(async (error) => {
      if (!isAtItsBeginning || !(error instanceof ComponentFailedError)) throw error;
      if ((await askBackend(backend, signal)) === 'INITIALIZED') throw error;
      await resetBackend(backend, signal);
      await configure(signal);
    });
    applied.remember(backend.name, settings);
  };
}

function resetBackend(backend: Supervisor<Backend>, signal: AbortSignal): Promise<void> {
  return backend.call('reset', signal, (adapter, options) => adapter.reset(options));
}

function configureWriter(writer: Supervisor<Writer>, parameters: WriterParameters): Task {
  return async (signal) => {
    if (!writer.enabled) return;
    await writer.command('configure', signal, (adapter, options) => adapter.configure(parameters, options));
  };
}
