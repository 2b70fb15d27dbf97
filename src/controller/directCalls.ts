import { InvalidRequestError, UnknownNameError } from '../contracts/errors.js';
import type { Command, Reply } from '../contracts/integration.js';
import type { Components } from './components.js';

/** Which components are enabled, by name. */
export function clientsEnabled(components: Components): Record<string, boolean> {
  return Object.fromEntries(components.all.map(({ name, enabled }) => [name, enabled]));
}

/** Config sections whose components are disabled in every pipeline: they need not be valid. */
export function disabledSections({ pipelines, auxiliaryWriters }: Components): string[] {
  const roles = (['writer', 'backend', 'detector'] as const).filter((role) =>
    pipelines.every((pipeline) => !pipeline[role].enabled),
  );
  return [...roles, ...auxiliaryWriters.filter(({ enabled }) => !enabled).map(({ name }) => name)];
}

/** Enables and disables components by name; an unknown name changes nothing. */
export async function enableClients(
  components: Components,
  wanted: Readonly<Record<string, boolean>>,
): Promise<void> {
  const byName = new Map(components.all.map((one) => [one.name, one]));
  for (const name of Object.keys(wanted)) {
    if (byName.has(name)) continue;
    throw new InvalidRequestError('invalid_body', `There is no component '${name}'.`, {
      operation: 'enable',
      expected: [...byName.keys()],
      actual: name,
    });
  }
  for (const [name, enabled] of Object.entries(wanted)) {
    const component = byName.get(name);
    if (component === undefined || component.enabled === enabled) continue;
    if (enabled) component.enable();
    else component.disable();
  }
}

/** Speaks to the backend beside the acquisition, for those who debug it. */
export async function callBackend(
  components: Components,
  command: Extract<Command, { type: 'backend.call' }>,
  signal: AbortSignal,
): Promise<Reply> {
  const actions = ['open', 'close', 'reset', 'config'];
  const { action, settings } = command;
  if (!actions.includes(action)) {
    throw new UnknownNameError(
      'unknown_action',
      `Action '${action}' not supported. Supported actions: ${actions.join(', ')}.`,
      {
        component: 'backend',
        operation: action,
        expected: actions,
        actual: action,
      },
    );
  }
  const values = await Promise.all(
    components.pipelines.map(async ({ backend }) => {
      await backend.call(action, signal, (adapter, options) => {
        if (action === 'open') return adapter.open(options);
        if (action === 'close') return adapter.close(options);
        if (action === 'reset') return adapter.reset(options);
        return adapter.configure(settings ?? {}, options);
      });
      backend.look();
      return backend.call('status', signal, (adapter, options) => adapter.status(options));
    }),
  );
  return action === 'config' ? { config: settings ?? {} } : { value: values[0] ?? null };
}
