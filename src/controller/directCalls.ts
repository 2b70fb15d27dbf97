import type { Detector } from '../contracts/detector.js';
import { InvalidRequestError, UnknownNameError } from '../contracts/errors.js';
import type { Command, Reply } from '../contracts/integration.js';
import type { JsonValue } from '../contracts/json.js';
import type { Components } from './components.js';
import type { Supervisor, Watched } from './supervisor.js';

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

/** Enables and disables components by name, or whole pipelines by theirs; an unknown name changes nothing. */
export async function enableClients(
  components: Components,
  wanted: Readonly<Record<string, boolean>>,
): Promise<void> {
  const members = new Map<string, Watched[]>(components.all.map((one) => [one.name, [one]]));
  if (components.pipelines.length > 1) {
    for (const { name, detector, backend, writer } of components.pipelines) {
      members.set(name, [detector, backend, writer]);
    }
  }
  for (const name of Object.keys(wanted)) {
    if (members.has(name)) continue;
    throw new InvalidRequestError('invalid_body', `There is no component '${name}'.`, {
      operation: 'enable',
      expected: [...members.keys()],
      actual: name,
      hint: 'GET /api/v1/enabled_clients lists them all.',
    });
  }
  for (const [name, enabled] of Object.entries(wanted)) {
    for (const component of members.get(name) ?? []) {
      if (component.enabled === enabled) continue;
      if (enabled) component.enable();
      else component.disable();
    }
  }
}

/** Asks or tells the detector; with several pipelines all of them, answered by pipeline name. */
export async function ofDetectors(
  { pipelines }: Components,
  ask: (detector: Supervisor<Detector>) => Promise<JsonValue>,
): Promise<JsonValue> {
  const [first, ...others] = pipelines;
  if (first !== undefined && others.length === 0) return ask(first.detector);
  const enabled = pipelines.filter(({ detector }) => detector.enabled);
  return Object.fromEntries(
    await Promise.all(enabled.map(async ({ name, detector }) => [name, await ask(detector)] as const)),
  );
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
      // A command, also when it is given up: nobody knows where the backend is then.
      await backend.command(action, signal, (adapter, options) => {
        if (action === 'open') return adapter.open(options);
        if (action === 'close') return adapter.close(options);
        if (action === 'reset') return adapter.reset(options);
        return adapter.configure(settings ?? {}, options);
      });
      return backend.call('status', signal, (adapter, options) => adapter.status(options));
    }),
  );
  return action === 'config' ? { config: settings ?? {} } : { value: values[0] ?? null };
}
