import { randomBytes } from 'node:crypto';

const SANE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

const processPart = randomBytes(4).toString('hex');
let count = 0;

/** A request id of our own: unique across restarts, short enough to be read out on the telephone. */
export function newRequestId(): string {
  count += 1;
  return `${processPart}-${count}`;
}

/** The client's own id when it can go into a log as it is; otherwise a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && SANE_ID.test(header) ? header : newRequestId();
}
