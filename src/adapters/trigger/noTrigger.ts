import { Type } from '../../contracts/schemaTypes.js';
import type { Trigger, TriggerStatus } from '../../contracts/trigger.js';

/** Options of the trigger kind `none`. */
export const noTriggerOptions = Type.Object({}, { additionalProperties: false });

/** No timing system: the detector runs by itself, or others fire it. */
export class NoTriggerAdapter implements Trigger {
  readonly address = 'none';

  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async status(): Promise<TriggerStatus> {
    return 'idle';
  }
}
