import { directLookups, type PathLookups } from './pathLookups.js';

/** What the program is asked; several at once in an array. */
export interface LookupRequest {
  readonly id: number;
  readonly what: keyof PathLookups;
  readonly path: string;
}

/** What the program answers: a value, or why there is none; several at once in an array. */
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

let answers: LookupAnswer[] = [];

/** With those that come in the same turn; one that hangs keeps none of the others. */
function send(reply: LookupAnswer): void {
  if (answers.push(reply) > 1) return;
  setImmediate(() => {
    const all = answers;
    answers = [];
    if (process.connected) process.send?.(all);
  });
}

// It ends with its controller, and never before: Ctrl-C in a terminal reaches both.
process.on('disconnect', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('message', (requests: readonly LookupRequest[]) => {
  for (const request of requests) void answer(request).then(send);
});
