import { type DiaError, ERROR_CODES, type ErrorCode } from '../contracts/errors.js';
import type { JsonObject } from '../contracts/json.js';

/** HTTP status of each error code: the only place where one becomes the other. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_json: 400,
  invalid_body: 400,
  invalid_config: 400,
  invalid_path: 400,
  invalid_deployment: 400,
  unsupported_media_type: 415,
  body_too_large: 413,
  not_found: 404,
  method_not_allowed: 405,
  unknown_action: 404,
  unknown_parameter: 404,
  unknown_pipeline: 404,
  unauthorized: 401,
  forbidden: 403,
  wrong_state: 409,
  preempted: 409,
  component_disabled: 409,
  file_exists: 409,
  already_running: 409,
  lease_held: 409,
  rate_limited: 429,
  too_many_streams: 503,
  component_failed: 502,
  component_refused: 502,
  component_wrong_state: 502,
  component_timeout: 504,
  component_unreachable: 502,
  component_lost: 502,
  bad_answer: 502,
  frames_missing: 502,
  stalled: 502,
  file_invalid: 502,
  service_failed: 502,
  no_space: 507,
  internal: 500,
};

/** Whether a word is one of the project's error codes. */
export function isErrorCode(code: string): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

/** HTTP status an error is answered with. */
export function httpStatusOf(error: DiaError): number {
  return isErrorCode(error.code) ? HTTP_STATUS[error.code] : 500;
}

/** What an error tells, in the names of the wire; nothing of the stack or the cause. */
export function errorFacts(error: DiaError, operation: string | null = null): JsonObject {
  const { facts } = error;
  return {
    code: error.code,
    component: facts.component ?? null,
    operation: facts.operation ?? operation,
    expected: facts.expected ?? null,
    actual: facts.actual ?? null,
    hint: facts.hint ?? null,
  };
}

/** The envelope of an error. */
export function errorEnvelope(
  error: DiaError,
  request: { requestId: string; operation: string },
): JsonObject {
  return {
    state: 'error',
    status: error.message,
    error: {
      ...errorFacts(error, request.operation),
      component: error.facts.component ?? 'controller',
      request_id: request.requestId,
    },
  };
}
