import type { AcquisitionPlan } from '../../contracts/acquisition.js';
import type { Writer, WriterParameters } from '../../contracts/writer.js';
import type { Components, Pipeline } from '../components.js';
import { inParallel } from '../inParallel.js';
import type { Supervisor } from '../supervisor.js';

type Task = (signal: AbortSignal) => Promise<void>;

/** Hands the plan to every enabled component, all in parallel. */
export async function configureComponents(
  components: Components,
  plan: AcquisitionPlan,
  signal: AbortSignal,
): Promise<void> {
  const tasks: Task[] = components.pipelines.flatMap((pipeline) => {
    const settings = plan.pipelines[pipeline.name];
    if (settings === undefined) return [];
    return [
      configureDetector(pipeline, settings.detector),
      configureBackend(pipeline, settings.backend),
      configureWriter(pipeline.writer, settings.writer),
    ];
  });
  for (const writer of components.auxiliaryWriters) {
    const parameters = plan.auxiliary[writer.name];
    if (parameters !== undefined) tasks.push(configureWriter(writer, parameters));
  }
  await inParallel(signal, tasks);
}

function configureDetector({ detector }: Pipeline, parameters: AcquisitionPlan['config'][string]): Task {
  return async (signal) => {
    if (!detector.enabled) return;
    await detector.call('configure', signal, (adapter, options) => adapter.configure(parameters, options));
  };
}

/** A backend takes settings only when INITIALIZED, so one that is further on is reset first. */
function configureBackend({ backend }: Pipeline, settings: AcquisitionPlan['config'][string]): Task {
  return async (signal) => {
    if (!backend.enabled) return;
    const status = await backend.call('status', signal, (adapter, options) => adapter.status(options));
    if (status !== 'INITIALIZED') {
      await backend.call('reset', signal, (adapter, options) => adapter.reset(options));
    }
    await backend.call('configure', signal, (adapter, options) => adapter.configure(settings, options));
  };
}

function configureWriter(writer: Supervisor<Writer>, parameters: WriterParameters): Task {
  return async (signal) => {
    if (!writer.enabled) return;
    await writer.call('configure', signal, (adapter, options) => adapter.configure(parameters, options));
  };
}
