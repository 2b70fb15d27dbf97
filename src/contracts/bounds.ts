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

/** What is to be done when a signal fires, and the one listener that does it. */
interface Tasks {
  readonly works: Set<() => void>;
  readonly listener: () => void;
}

const tasks = new WeakMap<AbortSignal, Tasks>();

/**
 * Has `work` done when the signal fires; answers how to let go of it.
 *
 * For signals that hundreds of calls listen to at once: a signal goes through all of its listeners for each that comes or
 * leaves, so each gets only one here, and none when nobody waits.
 */
function whenAborted(signal: AbortSignal, work: () => void): () => void {
  const { works, listener } = tasks.get(signal) ?? listenTo(signal);
  works.add(work);
  return () => {
    if (!works.delete(work) || works.size > 0) return;
    signal.removeEventListener('abort', listener);
    tasks.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Tasks {
  const works = new Set<() => void>();
  const listener = () => {
    for (const work of works) work();
  };
  signal.addEventListener('abort', listener, { once: true });
  const listening = { works, listener };
  tasks.set(signal, listening);
  return listening;
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
  const letGo = signal?.aborted === false ? whenAborted(signal, onAbort) : undefined;
  return {
    signal: bounds.signal,
    abort: (reason) => bounds.abort(reason),
    end: () => {
      clearTimeout(timer);
      letGo?.();
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
