import type { AcquisitionPlan, StartOutcome } from '../../contracts/acquisition.js';
import type { Writer } from '../../contracts/writer.js';
import type { Components, Pipeline } from '../components.js';
import { endOfExposure } from '../endOfExposure.js';
import { inParallel } from '../inParallel.js';
import type { Supervisor } from '../supervisor.js';

const names = (supervisors: readonly { name: string; enabled: boolean }[]) =>
  supervisors.filter(({ enabled }) => enabled).map(({ name }) => name);

/** Frames that each writer of a pipeline was asked for, by the writer's name. */
function expectedFrames({ pipelines }: Components, plan: AcquisitionPlan): Record<string, number> {
  return Object.fromEntries(
    pipelines.map(({ name, writer }) => [writer.name, plan.pipelines[name]?.writer.frames ?? 0]),
  );
}

/** The detector and the writer are looked at when their work should be done, not at the next turn of the watch. */
function expectEnd({ name, detector, writer }: Pipeline, plan: AcquisitionPlan): void {
  const nowMs = performance.now();
  const atMs = endOfExposure(plan.pipelines[name]?.detector ?? {}).map((inMs) => nowMs + inMs);
  detector.expectChange(atMs);
  writer.expectChange(atMs);
}

/**
 * Starts the run: auxiliary writers, then backends and writers together, detectors last, the trigger last of
 * all (unless it is left to others).
 */
export async function startRun(
  components: Components,
  { plan, triggerStart }: { plan: AcquisitionPlan; triggerStart: boolean },
  signal: AbortSignal,
): Promise<StartOutcome> {
  const { pipelines, auxiliaryWriters, trigger } = components;
  const files: Record<string, string> = {};

  const startWriter = (writer: Supervisor<Writer>) => async (taskSignal: AbortSignal) => {
    if (!writer.enabled) return;
    const { file } = await writer.command('start', taskSignal, (adapter, options) => adapter.start(options));
    if (file !== null) files[writer.name] = file;
  };

  await inParallel(signal, auxiliaryWriters.map(startWriter));
  await inParallel(
    signal,
    pipelines.flatMap(({ backend, writer }) => [
      startWriter(writer),
      async (taskSignal: AbortSignal) => {
        // One that stayed open between two runs lets the frames through already.
        const staysOpen = backend.observation?.status === 'OPEN' && !backend.adapter.opensPerRun;
        if (!backend.enabled || staysOpen) return;
        await backend.command('open', taskSignal, (adapter, options) => adapter.open(options));
      },
    ]),
  );
  await inParallel(
    signal,
    pipelines.map((pipeline) => async (taskSignal: AbortSignal) => {
      const { detector } = pipeline;
      if (!detector.enabled) return;
      await detector.command('start', taskSignal, (adapter, options) => adapter.start(options));
      expectEnd(pipeline, plan);
    }),
  );
  if (trigger?.enabled && triggerStart) {
    await trigger.command('start', signal, (adapter, options) => adapter.start(options));
  }
  return {
    files,
    detectors: names(pipelines.map(({ detector }) => detector)),
    writers: names(pipelines.map(({ writer }) => writer)),
    auxiliaryWriters: names(auxiliaryWriters),
    expectedFrames: expectedFrames(components, plan),
  };
}
