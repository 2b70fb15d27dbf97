import { ComponentSilentError } from '../../contracts/errors.js';
import type { Components } from '../components.js';

/**
 * Asks every enabled component whether it is there, all in parallel; the program of one that does not answer within the
 * status timeout is replaced, when it is one that was launched with the deployment.
 */
export async function replaceHung(
  components: Components,
  replaceProgram: (address: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    components.all
      .filter(({ enabled }) => enabled)
      .map(async (component) => {
        const answer = await component.query(signal).catch((error: unknown) => error);
        if (answer instanceof ComponentSilentError) await replaceProgram(component.address);
      }),
  );
  signal.throwIfAborted();
}
