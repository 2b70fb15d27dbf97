import { toDiaError } from '../contracts/errors.js';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import type { WriterReport } from '../contracts/writer.js';
import type { Components, Pipeline } from './components.js';
import type { Watched } from './supervisor.js';

/** What a component says now, for `status_details`: its word, DISABLED, or why it does not answer. */
async function word(component: Watched, signal: AbortSignal): Promise<string> {
  if (!component.enabled) return 'DISABLED';
  try {
    return (await component.query(signal)).status;
  } catch (thrown) {
    return `NOT RESPONDING: ${toDiaError(thrown).message}`;
  }
}

async function keyed(entries: readonly (readonly [string, () => Promise<JsonValue>])[]): Promise<JsonObject> {
  return Object.fromEntries(
    await Promise.all(entries.map(async ([name, ask]) => [name, await ask()] as const)),
  );
}

/** One object per role with a single pipeline; keyed by pipeline name with several. */
function byPipeline(
  components: Components,
  ask: (pipeline: Pipeline) => Promise<JsonObject>,
): Promise<JsonObject> {
  const [first, ...others] = components.pipelines;
  if (first !== undefined && others.length === 0) return ask(first);
  return keyed(components.pipelines.map((pipeline) => [pipeline.name, () => ask(pipeline)] as const));
}

/** Asks every component for its status, all in parallel, each within its own timeout. */
export async function liveDetails(components: Components, signal: AbortSignal): Promise<JsonObject> {
  const [pipelines, auxiliary] = await Promise.all([
    byPipeline(components, ({ writer, backend, detector }) =>
      keyed([
        ['writer', () => word(writer, signal)],
        ['backend', () => word(backend, signal)],
        ['detector', () => word(detector, signal)],
      ]),
    ),
    keyed(components.auxiliaryWriters.map((one) => [one.name, () => word(one, signal)] as const)),
  ]);
  return { ...pipelines, ...auxiliary };
}

/** A writer's counts by the names that monitoring knows. */
function writerMetrics({ status, file, statistics }: WriterReport): JsonObject {
  return {
    status,
    n_received_frames: statistics.receivedFrames,
    n_written_frames: statistics.writtenFrames,
    n_lost_frames: statistics.lostFrames,
    n_duplicate_frames: statistics.duplicateFrames,
    total_expected_frames: statistics.expectedFrames,
    n_written_bytes: statistics.writtenBytes,
    frame_rate: statistics.frameRateHz,
    file,
  };
}

/** Asks every component for its counts, all in parallel; one that fails says why in `error`. */
export async function liveMetrics(components: Components, signal: AbortSignal): Promise<JsonObject> {
  const orError = async (component: Watched, ask: () => Promise<JsonObject>): Promise<JsonObject> => {
    if (!component.enabled) return { status: 'DISABLED' };
    return ask().catch((thrown: unknown) => ({ error: toDiaError(thrown).message }));
  };
  const ofWriter = (writer: Components['writers'][number]) =>
    orError(writer, async () =>
      writerMetrics(await writer.call('report', signal, (adapter, options) => adapter.report(options))),
    );
  const [pipelines, auxiliary] = await Promise.all([
    byPipeline(components, ({ writer, backend, detector }) =>
      keyed([
        ['writer', () => ofWriter(writer)],
        [
          'backend',
          () =>
            orError(backend, () => backend.call('metrics', signal, (one, options) => one.metrics(options))),
        ],
        [
          'detector',
          () =>
            orError(detector, () => detector.call('metrics', signal, (one, options) => one.metrics(options))),
        ],
      ]),
    ),
    keyed(components.auxiliaryWriters.map((one) => [one.name, () => ofWriter(one)] as const)),
  ]);
  return { ...pipelines, ...auxiliary };
}
