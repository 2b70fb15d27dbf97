import type { Backend, BackendStatus } from '../../contracts/backend.js';
import type { JsonObject } from '../../contracts/json.js';
import { Type } from '../../contracts/schemaTypes.js';

/** Options of the backend kind `none`. */
export const noneBackendOptions = Type.Object({}, { additionalProperties: false });

/** No backend: the writer takes the frames from where the detector sends them. Its settings tell nobody. */
export class NoneBackendAdapter implements Backend {
  readonly address = 'none';

  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {}

  async configure(): Promise<void> {}

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  async reset(): Promise<void> {}

  async status(): Promise<BackendStatus> {
    return 'STATELESS';
  }

  async metrics(): Promise<JsonObject> {
    return {};
  }
}
