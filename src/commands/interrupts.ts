/** Why a command was ended by its user. */
export class Interrupted extends Error {
  constructor(readonly signalName: NodeJS.Signals) {
    super(`Interrupted by ${signalName}.`);
  }
}

/** Signals of the user or of the system that ask the program to end. */
export interface Interrupts {
  /** Aborts at the first signal, with `Interrupted` as the reason. */
  readonly signal: AbortSignal;
  /** Gives the signals back to the system. */
  release(): void;
}

/** Listens for signals: the first one aborts, from the second on `onAgain` is called. */
export function listenForInterrupts(
  names: readonly NodeJS.Signals[],
  onAgain: (name: NodeJS.Signals) => void,
): Interrupts {
  const first = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (first.signal.aborted) onAgain(name);
    else first.abort(new Interrupted(name));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: first.signal,
    release: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
