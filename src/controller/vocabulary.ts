import type { IntegrationStatus } from '../contracts/acquisition.js';

/** `classic`: every state by its own name; `ready`: READY whenever an acquisition can be started. */
export type Vocabulary = 'classic' | 'ready';

const READY: readonly IntegrationStatus[] = ['INITIALIZED', 'CONFIGURED', 'FINISHED'];
const RUNNING: readonly IntegrationStatus[] = ['RUNNING', 'DETECTOR_STOPPED', 'BSREAD_STILL_RUNNING'];

/** Says a status in the deployment's words; `isSilent`: the reason of an ERROR is a component that does not answer. */
export function speak(
  vocabulary: Vocabulary,
  status: IntegrationStatus,
  isSilent: boolean,
): IntegrationStatus {
  if (vocabulary === 'classic') return status;
  if (READY.includes(status)) return 'READY';
  if (RUNNING.includes(status)) return 'RUNNING';
  return isSilent ? 'COMPONENT_NOT_RESPONDING' : 'ERROR';
}
