import { directLookups } from './pathLookups.js';

/** What the program is asked. */
export interface LookupRequest {
  readonly id: number;
  readonly what: 'realpath' | 'kind' | 'disk';
  readonly path: string;
}

/** What the program answers: a value, or why there is none. */
export interface LookupAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: { readonly message: string; readonly code: string | undefined };
}

async function answer({ id, what, path }: LookupRequest): Promise<LookupAnswer> {
  try {
    return { id, value: await directLookups[what](path) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { id, failure: { message, code } };
  }
}

// It ends with its controller, and never before: Ctrl-C in a terminal reaches both.
process.on('disconnect', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('message', (request: LookupRequest) => {
  void answer(request).then((reply) => process.connected && process.send?.(reply));
});
