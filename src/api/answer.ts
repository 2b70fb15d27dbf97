import type { Context } from 'koa';

/** On every answer, names and values in turns; the page has a content policy of its own. */
const COMMON_HEADERS = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  // Pages of some origins may read answers, see the gate.
  ['Vary', 'Origin'],
] as const;
const COMMON_LIST = COMMON_HEADERS.flat();

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Sets what every answer has; for those that Koa sends. */
export function setCommonHeaders({ res }: Context, requestId: string): void {
  res.setHeader('X-Request-Id', requestId);
  for (const [name, value] of COMMON_HEADERS) res.setHeader(name, value);
}

/** An answer of the API. */
export interface JsonAnswer {
  readonly requestId: string;
  readonly httpStatus: number;
  readonly json: string;
}

/**
 * Sends JSON with the headers that every answer has, and those that were set before. All of them go to Node as one list:
 * hundreds of clients may poll, and each header set by itself costs half a microsecond.
 */
export function sendJson(context: Context, { requestId, httpStatus, json }: JsonAnswer): void {
  const { res } = context;
  // Koa would send what `body` says.
  context.respond = false;
  if (!context.writable) {
    // Nobody is there any more; what would have been answered is noted all the same.
    context.status = httpStatus;
    return;
  }
  res.writeHead(httpStatus, [
    'X-Request-Id',
    requestId,
    ...COMMON_LIST,
    'Content-Type',
    JSON_TYPE,
    'Content-Length',
    String(Buffer.byteLength(json)),
  ]);
  res.end(json);
}
