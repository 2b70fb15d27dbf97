import { boundBy, unlessAborted } from '../../contracts/bounds.js';
import { ComponentSilentError } from '../../contracts/errors.js';
import type { Components } from '../components.js';
import { stopExposing } from './standDown.js';

/**
 * Asks every enabled component whether it is there, all in parallel; the program of one that does not answer within the
 * status timeout is replaced, when it is one that was launched with the deployment. However long that takes, trigger and
 * detectors are told to stop at once.
 *
 * @throws the signal's reason as soon as that aborts; a replacement under way goes on.
 */
export async function replaceHung(
  components: Components,
  replaceProgram: (address: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { trigger, pipelines } = components;
  const exposing = [...(trigger === null ? [] : [trigger]), ...pipelines.map(({ detector }) => detector)];
  await Promise.all(
    components.all
      .filter(({ enabled }) => enabled)
      .map(async (component) => {
        const bounds = boundBy({ signal });
        const mayExpose = exposing.find(({ name }) => name === component.name);
        // First: where a component takes one call at a time, a stop of its own length would pass for silence.
        const asked = component.query(signal).catch((error: unknown) => error);
        // One that could not be stopped is told again when all are stood down.
        const stopped = mayExpose && stopExposing(mayExpose, bounds.signal).catch(() => undefined);
        const answer = await asked;
        if (answer instanceof ComponentSilentError) {
          bounds.abort(answer);
          await unlessAborted(replaceProgram(component.address), signal);
        }
        await stopped;
        bounds.end();
      }),
  );
  signal.throwIfAborted();
}
