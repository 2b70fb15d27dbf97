import { DiaError, ERROR_CODES, type ErrorCode, type ErrorFacts } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';

/** What a {@link DiaClientError} is made of. */
export interface ClientErrorDetails extends ErrorFacts {
  readonly code: string;
  /** 0 when no answer came. */
  readonly httpStatus?: number;
  readonly requestId?: string | null;
}

/** A request that failed, here or on the server; the message is the server's text for a person. */
export class DiaClientError extends DiaError {
  /** 0 when no answer came. */
  readonly httpStatus: number;
  /** Stands in the server's log; null when no answer came. */
  readonly requestId: string | null;

  constructor(message: string, details: ClientErrorDetails) {
    const { code, httpStatus, requestId, ...facts } = details;
    super(knownCode(code), message, facts);
    this.httpStatus = httpStatus ?? 0;
    this.requestId = requestId ?? null;
  }

  /** What to do next; empty when nobody said. */
  get hint(): string {
    return this.facts.hint ?? '';
  }
}

/** The error in an envelope whose state is not `ok`. */
export function errorOfEnvelope(envelope: Record<string, unknown>, httpStatus: number): DiaClientError {
  const error: Record<string, unknown> = isRecord(envelope.error) ? envelope.error : {};
  return new DiaClientError(text(envelope.status) ?? `The server answered ${httpStatus}.`, {
    code: text(error.code) ?? 'bad_answer',
    httpStatus,
    requestId: text(error.request_id) ?? null,
    ...errorFactsOf(error),
  });
}

/** The facts of an `error` object on the wire. */
export function errorFactsOf(error: Record<string, unknown>): ErrorFacts {
  const component = text(error.component);
  const operation = text(error.operation);
  const hint = text(error.hint);
  return {
    ...(component === undefined ? {} : { component }),
    ...(operation === undefined ? {} : { operation }),
    ...(hint === undefined ? {} : { hint }),
    ...(isJson(error.expected) ? { expected: error.expected } : {}),
    ...(isJson(error.actual) ? { actual: error.actual } : {}),
  };
}

/** Whether a value is an object with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parsed answers hold nothing but JSON, so that only absence has to be told apart. */
function isJson(value: unknown): value is JsonValue {
  return value !== undefined && value !== null;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Codes of a newer server that are not known here count as a bad answer. */
function knownCode(code: string): ErrorCode {
  return ERROR_CODES.find((known) => known === code) ?? 'bad_answer';
}
