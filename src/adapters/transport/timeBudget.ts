import type { CallOptions } from '../../contracts/component.js';

/**
 * Shares the time of one call among the steps it is made of: each time it is asked it answers the bounds of the
 * next step, with the time that is left, or with `part` of it.
 */
export function timeBudget({ signal, timeoutMs }: CallOptions): (part?: number) => CallOptions {
  const endMs = performance.now() + timeoutMs;
  return (part = 1) => ({ signal, timeoutMs: Math.max(1, Math.ceil((endMs - performance.now()) * part)) });
}
