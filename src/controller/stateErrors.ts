import type { IntegrationStatus, StandDown, StatusReport } from '../contracts/acquisition.js';
import { WrongStateError } from '../contracts/errors.js';

/** What a command is judged by: the status as it is said to clients, and the reason of an ERROR. */
type Present = Pick<StatusReport, 'status' | 'error'>;

/** The texts are those that clients of the integration API match with regular expressions. */
export function cannotConfigure(present: Present): WrongStateError {
  return wrongState(present, 'configure', {
    message: `Cannot set config in IntegrationStatus.${present.status} state. Please reset first.`,
    expected: ['INITIALIZED', 'CONFIGURED'],
  });
}

export function cannotStart(present: Present): WrongStateError {
  const remedy = present.status === 'INITIALIZED' ? 'Please configure first.' : 'Please reset first.';
  return wrongState(present, 'start', {
    message: `Cannot start acquisition in IntegrationStatus.${present.status} state. ${remedy}`,
    expected: ['CONFIGURED'],
  });
}

export function cannotReset(present: Present): WrongStateError {
  return wrongState(present, 'reset', {
    message: `Cannot reset acquisition in IntegrationStatus.${present.status} state. Please wait for backend to finish.`,
    expected: ['INITIALIZED', 'CONFIGURED', 'FINISHED', 'ERROR'],
  });
}

/** For what is done only while nothing goes on. */
export function notAtRest(present: Present, attempt: string): WrongStateError {
  return wrongState(present, attempt, {
    message: `Cannot ${attempt} in IntegrationStatus.${present.status} state. Please stop first.`,
    expected: ['INITIALIZED', 'CONFIGURED', 'FINISHED'],
  });
}

/** For what waited or was under way when a stand-down came. */
export function preempted(how: StandDown): WrongStateError {
  return new WrongStateError('preempted', `Aborted by a ${how}.`, {
    hint: 'Another client (or you) sent stop, reset or kill meanwhile. Look at the status, then try again.',
  });
}

function wrongState(
  { status, error }: Present,
  operation: string,
  { message, expected }: { message: string; expected: IntegrationStatus[] },
): WrongStateError {
  const hint = error === null ? {} : { hint: `The integration is in ERROR because: ${error.message}` };
  return new WrongStateError('wrong_state', message, { operation, expected, actual: status, ...hint });
}
