import type { CallOptions } from '../../../contracts/component.js';
import { ComponentFailedError } from '../../../contracts/errors.js';
import type { SimplonApi, SimplonKey, SimplonValue } from './simplonApi.js';
import { isSame, problemWith, type WantedValue } from './simplonParameters.js';

/** Values for a detector, in the order they are to be set. */
export interface ValuesToApply {
  readonly api: SimplonApi;
  /** Name of the component in errors. */
  readonly component: string;
  readonly wanted: readonly WantedValue[];
  /** What is known to be wrong already. */
  readonly problems: readonly string[];
}

/**
 * Sets what differs, in the order given. Everything is checked against what the detector says of its values before
 * the first is set, and read back afterwards: a value may have changed with another one.
 *
 * @param bounds - Gives what is left of the time.
 * @throws ComponentFailedError `component_refused`, naming every value that cannot be; nothing was set then, unless
 * the message says so.
 */
export async function applyValues(values: ValuesToApply, bounds: () => CallOptions): Promise<void> {
  const { api, wanted, component } = values;
  const problems = [...values.problems];
  const present = new Map<string, SimplonValue>();
  await Promise.all(
    wanted.map(async ({ key }) => {
      present.set(key, await api.read(config(key), bounds()));
    }),
  );
  // The limits of a key can move with the keys before it that are about to change.
  let settled = true;
  for (const value of wanted) {
    const now = present.get(value.key);
    if (now === undefined) continue;
    const problem = problemWith(value, now, settled);
    if (problem !== null) problems.push(problem);
    settled &&= isSame(value.value, now.value);
  }
  if (problems.length > 0) throw refused(component, problems, 'Nothing was changed; correct these values.');

  const stale = new Set<string>();
  const set: string[] = [];
  for (const value of wanted) {
    const { key } = value;
    const now = await presentValue(values, { key, present, stale }, bounds);
    if (isSame(value.value, now.value) || now.isReadOnly) continue;
    const problem = problemWith(value, now, true);
    if (problem !== null) {
      throw refused(
        component,
        [problem],
        `Set before it: ${set.join(', ') || 'nothing'}. Correct this value.`,
      );
    }
    for (const changed of await api.write(config(key), value.value, bounds())) stale.add(changed);
    stale.add(key);
    set.push(key);
  }
  await Promise.all(
    wanted.map(async (value) => {
      const { key, name } = value;
      const now = await presentValue(values, { key, present, stale }, bounds);
      if (isSame(value.value, now.value)) return;
      const unit = now.unit === '' ? '' : ` ${now.unit}`;
      const why = now.isReadOnly ? ', and the detector chooses it' : '';
      problems.push(
        `'${name}' (${key}) is ${JSON.stringify(now.value)}${unit}, expected ${JSON.stringify(value.value)}${unit}${why}`,
      );
    }),
  );
  if (problems.length === 0) return;
  throw refused(
    component,
    problems.sort(),
    'The detector adapts values to each other: exposure time, period, bit depth and thresholds have to fit.',
  );
}

interface Known {
  readonly key: string;
  readonly present: ReadonlyMap<string, SimplonValue>;
  /** Keys that changed since they were read. */
  readonly stale: ReadonlySet<string>;
}

async function presentValue(
  { api }: ValuesToApply,
  { key, present, stale }: Known,
  bounds: () => CallOptions,
): Promise<SimplonValue> {
  const known = present.get(key);
  return known === undefined || stale.has(key) ? await api.read(config(key), bounds()) : known;
}

function config(key: string): SimplonKey {
  return { module: 'detector', kind: 'config', key };
}

function refused(component: string, problems: readonly string[], hint: string): ComponentFailedError {
  return new ComponentFailedError('component_refused', `${component} cannot take ${problems.join('; ')}.`, {
    component,
    operation: 'configure',
    expected: 'values the detector can take',
    actual: [...problems],
    hint,
  });
}
