import { expect } from 'chai';
import { DiaClientError } from '../../src/client/client.js';
import type { CallOptions } from '../../src/contracts/component.js';
import type { DiaError } from '../../src/contracts/errors.js';

/** Bounds of a call that nobody aborts. */
export function within(timeoutMs = 5000): CallOptions {
  return { signal: new AbortController().signal, timeoutMs };
}

/** What a call throws; fails when it succeeds. */
export async function thrownBy(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('the call succeeded');
}

/** The error of a client's call; fails when it succeeds. */
export async function failure(call: Promise<unknown>): Promise<DiaClientError> {
  const error = await thrownBy(call);
  if (error instanceof DiaClientError) return error;
  throw error;
}

/** Checks that a call fails with an error that helps: class, code, component, operation and a hint. */
export async function expectDiaError(
  call: Promise<unknown>,
  kind: abstract new (...args: never[]) => DiaError,
  code: string,
): Promise<DiaError> {
  const error = await thrownBy(call);
  if (!(error instanceof kind)) throw error;
  expect(error.code).to.equal(code);
  expect(error.facts.component, 'component').to.be.a('string').and.not.equal('');
  expect(error.facts.operation, 'operation').to.be.a('string').and.not.equal('');
  expect(error.facts.hint, 'hint').to.be.a('string').and.not.equal('');
  return error;
}

/** Looks until `read` gives what `fits`; answers it, or fails after the time. */
export async function until<T>(
  read: () => Promise<T> | T,
  fits: (value: T) => boolean,
  timeoutMs = 5000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (fits(value)) return value;
    if (performance.now() > endMs) throw new Error(`still ${JSON.stringify(value)} after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
