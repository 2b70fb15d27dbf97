import type { JsonValue } from './json.js';

/** What an error tells besides its message; all of it reaches the client. */
export interface ErrorFacts {
  /** Name of the component, `pipeline.role` when there are several pipelines. */
  readonly component?: string;
  /** What was attempted. */
  readonly operation?: string;
  readonly expected?: JsonValue;
  readonly actual?: JsonValue;
  /** What to do next. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * Base of every error this project raises on purpose. The subclasses say whose fault it is; `code` says
 * what happened, and each code has its paragraph in docs/errors.md.
 */
export abstract class DiaError extends Error {
  readonly code: string;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
  }
}

/** Every code an error can carry. */
export const ERROR_CODES = [
  // The request is wrong.
  'invalid_json',
  'invalid_body',
  'invalid_config',
  'invalid_path',
  'invalid_deployment',
  'unsupported_media_type',
  'body_too_large',
  'not_found',
  'method_not_allowed',
  'unknown_action',
  'unknown_parameter',
  'unknown_pipeline',
  'unauthorized',
  'forbidden',
  // The state does not allow it.
  'wrong_state',
  'preempted',
  'component_disabled',
  'file_exists',
  'already_running',
  'lease_held',
  'rate_limited',
  'too_many_streams',
  // A component is at fault.
  'component_failed',
  'component_refused',
  'component_wrong_state',
  'component_timeout',
  'component_unreachable',
  'component_lost',
  'bad_answer',
  'frames_missing',
  'stalled',
  'file_invalid',
  'service_failed',
  'no_space',
  // We are at fault.
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The request is wrong: it changed nothing, and sending it again will not help. */
export class InvalidRequestError extends DiaError {}

/** What was asked for does not exist. */
export class UnknownNameError extends DiaError {}

/** The request is right, but not now. */
export class WrongStateError extends DiaError {}

/** A component answered, and the answer was no, or nonsense. */
export class ComponentFailedError extends DiaError {}

/** A component did not answer in time, or not at all. */
export class ComponentSilentError extends DiaError {}

/** The disk cannot take what was asked for. */
export class NoSpaceError extends DiaError {}

/** Our own bug. */
export class InternalError extends DiaError {}

/** Turns anything thrown into a `DiaError`; what we did not raise on purpose is our bug. */
export function toDiaError(thrown: unknown): DiaError {
  if (thrown instanceof DiaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new InternalError('internal', `Internal error: ${message}`, {
    hint: 'This is a defect of the controller. The log has the stack trace under this request id.',
    cause: thrown,
  });
}
