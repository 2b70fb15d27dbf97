import { setMaxListeners } from 'node:events';
import { boundBy } from '../contracts/bounds.js';

/**
 * Runs all tasks at once. The first failure aborts the others, and is thrown once all have ended, so that
 * nothing goes on behind the caller's back.
 */
export async function inParallel<T>(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const bounds = boundBy({ signal });
  const shared = forMany(bounds.signal);
  let first: { error: unknown } | null = null;
  const outcomes = await Promise.all(
    tasks.map(async (task) => {
      try {
        return { value: await task(shared) };
      } catch (error) {
        first ??= { error };
        bounds.abort(error);
        return null;
      }
    }),
  );
  bounds.end();
  if (first !== null) throw (first as { error: unknown }).error;
  return outcomes.map((outcome) => (outcome as { value: T }).value);
}

/** Runs all tasks at once to their end, whatever the others do; answers the errors of those that failed. */
export async function allToTheEnd(tasks: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const outcomes = await Promise.allSettled(tasks.map((task) => task()));
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
}

/** A signal that any number of calls may listen to at once: a call a component is no leak. */
export function forMany(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
