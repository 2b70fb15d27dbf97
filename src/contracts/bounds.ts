import type { CallOptions } from './component.js';

/** Why a signal of `boundBy` fired when the time was up first. */
export class TimeIsUp extends Error {
  override readonly name = 'TimeoutError';
}

/** A signal with an end, and the way to let go of what it listens to. */
export interface Bounds {
  readonly signal: AbortSignal;
  /** Lets it fire now. */
  abort(reason: unknown): void;
  /** To be called when nobody waits any more. */
  end(): void;
}

/**
 * A signal that fires with the caller's, or with `TimeIsUp` after `timeoutMs`.
 *
 * Not `AbortSignal.any` with `AbortSignal.timeout`: those hold each other weakly, and a timeout that was collected never
 * fires (nodejs/node#57736). This one also leaves no listener behind on a signal that lives as long as the process.
 */
export function boundBy({
  signal,
  timeoutMs,
}: {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}): Bounds {
  const bounds = new AbortController();
  const onAbort = () => bounds.abort(signal?.reason);
  const onTime = () => bounds.abort(new TimeIsUp(`no answer within ${timeoutMs} ms`));
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTime, timeoutMs);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: bounds.signal,
    abort: (reason) => bounds.abort(reason),
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/**
 * Runs `work` with a signal that fires when the caller aborts or `timeoutMs` is over.
 *
 * @throws the signal's reason when the caller aborted, `TimeIsUp` when the time was up, else what `work` threw.
 */
export async function withinBounds<T>(
  options: CallOptions,
  work: (bounds: AbortSignal) => Promise<T>,
): Promise<T> {
  options.signal.throwIfAborted();
  const { signal, end } = boundBy(options);
  try {
    return await work(signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    end();
  }
}

/** The outcome of `work`, or the signal's reason when that aborts first; `work` itself goes on. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const cut = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([work, cut]).finally(() => signal.removeEventListener('abort', onAbort));
}
