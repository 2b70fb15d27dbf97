import type { IntegrationStatus } from '../contracts/acquisition.js';
import { boundBy } from '../contracts/bounds.js';
import type { CallOptions } from '../contracts/component.js';
import { ComponentFailedError } from '../contracts/errors.js';
import type { Components } from './components.js';
import { type ComponentView, interpretStatus } from './interpretStatus.js';
import type { Watched } from './supervisor.js';

/**
 * Waits until all components, looked at afresh since the work began (`sinceMs`), agree with `status`. One that was looked at because
 * its own command was done is not asked again.
 *
 * Throws the error of a component that does not answer, and `component_wrong_state` when `timeoutMs` passes
 * with a component somewhere else.
 */
export async function agree(
  components: Components,
  status: IntegrationStatus,
  options: CallOptions & { readonly sinceMs: number },
): Promise<void> {
  const { sinceMs } = options;
  const { signal: ended, end } = boundBy(options);
  const unsubscribe: (() => void)[] = [];
  /** Those that are not known to be where they should be. */
  const open = new Set(components.all.map(({ name }) => name));
  let onEnd = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const judge = (component: Watched) => {
        const view = component.view();
        if (view.enabled && component.freshError !== null) reject(component.freshError);
        if (isRight(view, status)) open.delete(view.name);
        else open.add(view.name);
        if (open.size === 0) resolve();
      };
      onEnd = () => reject(options.signal.aborted ? options.signal.reason : notReached(components, status));
      ended.addEventListener('abort', onEnd, { once: true });
      if (ended.aborted) onEnd();
      for (const component of components.all) {
        unsubscribe.push(component.subscribe(() => judge(component)));
        if (component.lookedAtMs < sinceMs) component.look();
      }
      for (const component of components.all) {
        judge(component);
        // Until it is where it should be it is looked at often; the next state says how often then.
        if (open.has(component.name)) component.setPace('running');
      }
      if (components.all.length === 0) resolve();
    });
  } finally {
    ended.removeEventListener('abort', onEnd);
    for (const stop of unsubscribe) stop();
    end();
  }
}

const isRight = (view: ComponentView, status: IntegrationStatus) =>
  !view.enabled ||
  (view.error === null && view.status !== null && interpretStatus(status, [view]).disagreement === null);

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
