import type { Backend, BackendStatus } from '../../contracts/backend.js';
import type { Supervisor } from '../supervisor.js';

/** Asks the backend where it is. */
export function askBackend(backend: Supervisor<Backend>, signal: AbortSignal): Promise<BackendStatus> {
  return backend.call('status', signal, (adapter, options) => adapter.status(options));
}
