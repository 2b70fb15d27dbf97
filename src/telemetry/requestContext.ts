import { AsyncLocalStorage } from 'node:async_hooks';

/** What ties the lines of a log together. */
export interface RequestContext {
  readonly requestId?: string;
  readonly client?: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` so that every log line and audit entry it leads to carries `context`. */
export function withRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...context }, work);
}

/** The context of the code that is running; empty outside any request. */
export function requestContext(): RequestContext {
  return storage.getStore() ?? {};
}
