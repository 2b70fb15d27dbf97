import type { IntegrationStatus } from '../contracts/acquisition.js';
import { boundBy } from '../contracts/bounds.js';
import type { CallOptions } from '../contracts/component.js';
import { ComponentFailedError } from '../contracts/errors.js';
import type { Components } from './components.js';
import { interpretStatus } from './interpretStatus.js';

/**
 * Looks at all components afresh and waits until they agree with `status`.
 *
 * Throws the error of a component that does not answer, and `component_wrong_state` when `timeoutMs` passes
 * with a component somewhere else.
 */
export async function agree(
  components: Components,
  status: IntegrationStatus,
  options: CallOptions,
): Promise<void> {
  const before = new Map(components.views().map(({ name, error }) => [name, error]));
  const { signal: ended, end } = boundBy(options);
  const unsubscribe: (() => void)[] = [];
  let onEnd = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const judge = () => {
        const views = components.views().filter(({ enabled }) => enabled);
        const failed = views.find(({ name, error }) => error !== null && error !== before.get(name));
        if (failed?.error) return reject(failed.error);
        if (views.some((view) => view.error !== null || view.status === null)) return;
        if (interpretStatus(status, views).disagreement === null) resolve();
      };
      onEnd = () => reject(options.signal.aborted ? options.signal.reason : notReached(components, status));
      ended.addEventListener('abort', onEnd, { once: true });
      if (ended.aborted) onEnd();
      for (const component of components.all) {
        unsubscribe.push(component.subscribe(judge));
        component.look();
      }
      judge();
    });
  } finally {
    ended.removeEventListener('abort', onEnd);
    for (const stop of unsubscribe) stop();
    end();
  }
}

/** The text that clients know for a status that could not be reached, with the component that keeps it. */
function notReached(components: Components, desired: IntegrationStatus): ComponentFailedError {
  const views = components.views();
  const { disagreement, silent } = interpretStatus(desired, views);
  const unknown = views.find(({ enabled, status }) => enabled && status === null);
  const name = disagreement?.component ?? silent?.name ?? unknown?.name ?? 'unknown';
  const actual = disagreement?.actual ?? silent?.error?.message ?? 'not known';
  return new ComponentFailedError(
    'component_wrong_state',
    `Cannot reach desired status 'IntegrationStatus.${desired}'. Current status 'IntegrationStatus.ERROR'. ` +
      `Try to reset or get_status_details for more info. (${name}: ${actual})`,
    {
      component: name,
      operation: `reach ${desired}`,
      expected: disagreement ? [...disagreement.expected] : desired,
      actual,
      hint: 'Reset the integration. If it comes back, look at this component and its log.',
    },
  );
}
