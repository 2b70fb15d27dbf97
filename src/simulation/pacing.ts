/** Node's timers fire up to a millisecond late: the rest of the way is looked at instead. */
const LOOK_WITHIN_MS = 2;

/** Milliseconds on a clock that only moves forward. */
export function nowMs(): number {
  return performance.now();
}

/**
 * Settles when the monotonic clock reads `dueMs`, never earlier; true, or false when `signal` fired first.
 * Always lets other work run in between, also when it is late.
 */
export async function untilDue(dueMs: number, signal: AbortSignal): Promise<boolean> {
  const leftMs = dueMs - nowMs();
  if (leftMs > LOOK_WITHIN_MS) await sleep(leftMs - LOOK_WITHIN_MS, signal);
  do {
    if (signal.aborted) return false;
    await new Promise<void>((resolve) => setImmediate(resolve));
  } while (nowMs() < dueMs);
  return !signal.aborted;
}

/** Node fires timers longer than this at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function sleep(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(durationMs, LONGEST_TIMER_MS));
    signal.addEventListener('abort', end, { once: true });
  });
}
