import { setTimeout as delay } from 'node:timers/promises';
import type { CallOptions } from '../../contracts/component.js';

/**
 * Looks again and again until `look` says yes; false when the time was up first. For what cannot tell us by itself:
 * a port that is not open yet, a process that is not our child.
 *
 * @throws the signal's reason when the caller aborted, and what `look` throws.
 */
export async function lookUntil(
  look: () => Promise<boolean> | boolean,
  { signal, timeoutMs, everyMs = 5 }: CallOptions & { readonly everyMs?: number },
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    if (await look()) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(everyMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
