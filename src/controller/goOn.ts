import type { JournalLine } from '../telemetry/journal.js';
import type { Telemetry } from '../telemetry/logger.js';
import type { AcquisitionActor } from './acquisitionActor.js';
import type { Components } from './components.js';
import { type Resumption, resume } from './resume.js';

interface Surroundings {
  readonly components: Components;
  readonly limits: { readonly statusTimeoutMs: number };
  readonly telemetry: Telemetry;
}

/** Takes up what the controller before was about; answers the state it goes on in, null when it begins anew. */
export async function goOn(
  last: JournalLine,
  actor: AcquisitionActor,
  { components, limits, telemetry }: Surroundings,
): Promise<Resumption['to'] | null> {
  if (last.phase === 'initialized') return null;
  await components.seen(2 * limits.statusTimeoutMs);
  const files = components.writers.flatMap(({ name, observation }) => {
    const file = observation?.report?.file;
    return file == null ? [] : [[name, file] as const];
  });
  const resumption = resume(last, { views: components.views(), files: Object.fromEntries(files) });
  const to = resumption?.to ?? null;
  telemetry.log.warn(
    `The controller before ended while the acquisition was ${last.phase}; goes on with ${to ?? 'a new one'}.`,
  );
  if (resumption !== null) actor.send(resumption);
  return to;
}
