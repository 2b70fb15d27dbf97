import type { CallOptions } from '../../contracts/component.js';

/** Thrown by `withinBounds` when the time was up first. */
export class TimeIsUp extends Error {}

/**
 * Runs `work` with a signal that fires when the caller aborts or `timeoutMs` is over, and leaves no listener
 * behind on the caller's signal, which may live as long as the process.
 *
 * @throws the signal's reason when the caller aborted, `TimeIsUp` when the time was up, else what `work` threw.
 */
export async function withinBounds<T>(
  { signal, timeoutMs }: CallOptions,
  work: (bounds: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const bounds = new AbortController();
  const onAbort = () => bounds.abort(signal.reason);
  const timer = setTimeout(() => bounds.abort(new TimeIsUp(`no answer within ${timeoutMs} ms`)), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(bounds.signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (bounds.signal.aborted) throw bounds.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
