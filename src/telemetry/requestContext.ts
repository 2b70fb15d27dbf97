import { AsyncLocalStorage } from 'node:async_hooks';

/** What ties the lines of a log together. */
export interface RequestContext {
  readonly requestId?: string;
  readonly client?: string;
}

/** One request's context, as long as that is under way. */
interface Scope {
  readonly context: RequestContext;
  isOver: boolean;
}

const storage = new AsyncLocalStorage<Scope>();
/** Requests under way that have a context. */
let open = 0;

/**
 * Runs `work` so that every log line and audit entry it leads to carries `context`, until it has ended: what goes on
 * behind it, like the watching of a run that it started, is no part of the request any more.
 */
export function withRequestContext<T>(context: RequestContext, work: () => Promise<T>): Promise<T> {
  const scope: Scope = { context: { ...requestContext(), ...context }, isOver: false };
  open += 1;
  return storage.run(scope, () =>
    work().finally(() => {
      scope.isOver = true;
      open -= 1;
      // Following every promise of the program costs; between commands there is nothing to follow.
      if (open === 0) storage.disable();
    }),
  );
}

/** The context of the code that is running; empty outside any request. */
export function requestContext(): RequestContext {
  const scope = storage.getStore();
  return scope === undefined || scope.isOver ? {} : scope.context;
}
