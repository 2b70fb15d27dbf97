import Koa, { type Context } from 'koa';
import type { AccessSettings } from '../config/accessSettings.js';
import type { IntegrationStatus } from '../contracts/acquisition.js';
import { type DiaError, InvalidRequestError, toDiaError, UnknownNameError } from '../contracts/errors.js';
import type { CommandContext, Integration } from '../contracts/integration.js';
import type { JsonObject } from '../contracts/json.js';
import { addressOf, Gate } from './access/gate.js';
import { hideCredentials } from './access/hideCredentials.js';
import type { Caller } from './access/tokenBook.js';
import { JSON_TYPE, sendJson, setCommonHeaders } from './answer.js';
import { announcesBody, readJsonBody } from './bodyReader.js';
import { type DetectorRoute, withDetectorRoutes } from './detectorRoutes.js';
import { Dispatcher, type Match } from './dispatcher.js';
import { okEnvelope } from './envelope.js';
import { errorEnvelope, httpStatusOf } from './errorTable.js';
import { type EventStreamOptions, EventStreams, STREAM_RETRY_S } from './eventStreams.js';
import type { ApiLogger } from './logger.js';
import { openApiDocument } from './openapi.js';
import { page, pageSecurityPolicy } from './page.js';
import { requestIdOf } from './requestId.js';
import type { ApiRequest, Route } from './route.js';
import { noBody } from './routes.js';

/** When GET in place of POST or PUT became deprecated, as RFC 9745 wants it. */
const DEPRECATED_SINCE = '@1735689600';

/** How long the rest of a refused body is still taken in, so that the client gets to read the answer. */
const REFUSED_BODY_LINGER_MS = 1000;

/** Refusals that keep their status for old clients as well: browsers act on it, and old servers never gave them. */
const ALWAYS_TOLD = ['unauthorized', 'forbidden', 'rate_limited'];

/** Who sent a request. */
interface Asker {
  readonly requestId: string;
  readonly caller: Caller | null;
}

/** What came of a request. */
interface Outcome {
  readonly failure: DiaError | null;
  readonly isCommand: boolean;
  readonly durationMs: number;
}

/** What the API is made of. */
export interface AppOptions {
  readonly integration: Integration;
  readonly logger: ApiLogger;
  readonly version: string;
  /** Errors are answered with HTTP 200, as the original does. */
  readonly legacyStatusCodes?: boolean;
  readonly bodyLimitBytes?: number;
  /** Who may use the API; without it everybody. */
  readonly access?: AccessSettings;
  readonly events?: EventStreamOptions;
  /** Routes of this deployment beside those of every one. */
  readonly detectorRoutes?: readonly DetectorRoute[];
}

/** The API as a Koa app, and its open event streams. */
export interface App {
  readonly koa: Koa;
  readonly streams: EventStreams;
}

/** Builds the API from the route table. */
export function createApp(options: AppOptions): App {
  const koa = new Koa();
  const streams = new EventStreams(options.integration, options.events);
  const api = new Api(options, streams);
  koa.use((context) => api.answer(context));
  koa.on('error', (error: Error) => {
    options.logger.warn('An answer could not be sent', { error: error.message });
  });
  return { koa, streams };
}

class Api {
  readonly #options: AppOptions;
  readonly #streams: EventStreams;
  readonly #dispatcher: Dispatcher;
  readonly #openApi: string;
  readonly #bodyLimitBytes: number;
  readonly #gate: Gate;
  #lastAnswer: { added: JsonObject; status: IntegrationStatus; text: string } | null = null;

  constructor(options: AppOptions, streams: EventStreams) {
    this.#options = options;
    this.#streams = streams;
    this.#gate = new Gate(options.access);
    this.#bodyLimitBytes = options.bodyLimitBytes ?? 1024 * 1024;
    const routes = withDetectorRoutes(options.detectorRoutes ?? []);
    this.#dispatcher = new Dispatcher(routes);
    this.#openApi = JSON.stringify(openApiDocument(routes, options.version));
  }

  /** Answers one request: always with a request id, always logged, never by throwing. */
  async answer(context: Context): Promise<void> {
    const began = performance.now();
    const requestId = requestIdOf(context.req.headers['x-request-id']);
    let failure: DiaError | null = null;
    let caller: Caller | null = null;
    let isCommand = false;
    try {
      caller = this.#gate.enter(context.req, context.res);
      isCommand = (await this.#serve(context, { requestId, caller }))?.work.kind === 'command';
    } catch (thrown) {
      failure = toDiaError(thrown);
      this.#answerError(context, requestId, failure);
    }
    if (failure !== null && announcesBody(context.req)) lingerOnBody(context);
    this.#log(context, { requestId, caller, failure, isCommand, durationMs: performance.now() - began });
  }

  /** Answers the route that it took; null where there was none. */
  async #serve(context: Context, { requestId, caller }: Asker): Promise<Route | null> {
    const match = this.#dispatcher.match(context.method, context.path);
    if (match.kind !== 'route') {
      setCommonHeaders(context, requestId);
      answerWithoutRoute(context, match);
      return null;
    }
    const { route, params } = match;
    this.#gate.pass(route, caller, { request: context.req, response: context.res });
    markDeprecated(context, route);
    if (route.work.kind === 'document') {
      setCommonHeaders(context, requestId);
      this.#answerDocument(context, route.work.document);
      return route;
    }
    const body = route.method === 'GET' ? undefined : await readJsonBody(context.req, this.#bodyLimitBytes);
    if (route.body === null) noBody.parse(body);
    const lease = context.get('X-Dia-Lease');
    const asker: CommandContext = {
      requestId,
      client: clientOf(context, caller),
      ...(lease === '' ? {} : { lease }),
    };
    const added = await this.#work(route.work, { params, body, context: asker });
    sendJson(context, { requestId, httpStatus: 200, json: this.#answerOf(added, route) });
    return route;
  }

  /** The text of an answer; made once for what is asked by many at once, as the status is. */
  #answerOf(added: JsonObject, { tellsAddresses }: Route): string {
    const { status } = this.#options.integration.status();
    const known = this.#lastAnswer;
    if (known !== null && known.added === added && known.status === status) return known.text;
    const json = JSON.stringify(okEnvelope(status, added));
    const text = tellsAddresses ? hideCredentials(json) : json;
    this.#lastAnswer = { added, status, text };
    return text;
  }

  #work(work: Exclude<Route['work'], { kind: 'document' }>, request: ApiRequest) {
    const { integration } = this.#options;
    if (work.kind === 'read') return work.read(integration, request);
    return integration.execute(work.command(request), request.context);
  }

  #answerDocument(context: Context, document: 'page' | 'openapi' | 'events'): void {
    if (document === 'openapi') {
      context.type = JSON_TYPE;
      context.body = this.#openApi;
    } else if (document === 'page') {
      context.set('Content-Security-Policy', pageSecurityPolicy);
      context.type = 'text/html; charset=utf-8';
      context.body = page;
    } else if (context.method === 'HEAD') {
      context.type = 'text/event-stream; charset=utf-8';
      context.status = 200;
    } else {
      this.#makeRoomForStream(context);
      context.respond = false;
      const given = context.query.last_event_id ?? context.get('Last-Event-ID');
      this.#streams.open(context.res, Array.isArray(given) ? given[0] : given);
    }
  }

  #makeRoomForStream(context: Context): void {
    try {
      this.#streams.makeRoom();
    } catch (error) {
      context.set('Retry-After', String(STREAM_RETRY_S));
      throw error;
    }
  }

  #answerError(context: Context, requestId: string, error: DiaError): void {
    const operation = `${context.method} ${context.path}`;
    const isLegacy = this.#options.legacyStatusCodes && !ALWAYS_TOLD.includes(error.code);
    sendJson(context, {
      requestId,
      httpStatus: isLegacy ? 200 : httpStatusOf(error),
      json: hideCredentials(JSON.stringify(errorEnvelope(error, { requestId, operation }))),
    });
  }

  #log(context: Context, outcome: Asker & Outcome): void {
    const { logger } = this.#options;
    const { failure } = outcome;
    const { method, path } = context;
    const fields: Record<string, unknown> = {
      requestId: outcome.requestId,
      method,
      path,
      httpStatus: context.res.headersSent ? context.res.statusCode : context.status,
      durationMs: Math.round(outcome.durationMs * 1000) / 1000,
      client: clientOf(context, outcome.caller),
    };
    // The client went away before it was told; what it asked for was done all the same.
    if (context.req.socket.destroyed) fields.clientGone = true;
    if (failure === null) {
      // A GET may be a command: old clients reset with one.
      const level = method === 'GET' && !outcome.isCommand ? 'access' : 'info';
      logger[level](`${method} ${path}`, fields);
      return;
    }
    fields.code = failure.code;
    const message = `${method} ${path}: ${hideCredentials(failure.message)}`;
    if (failure.code === 'internal') {
      const { cause } = failure.facts;
      fields.stack = cause instanceof Error ? cause.stack : failure.stack;
      logger.error(message, fields);
    } else logger.warn(message, fields);
  }
}

function answerWithoutRoute(context: Context, match: Exclude<Match, { kind: 'route' }>): void {
  const { method, path } = context;
  if (match.kind === 'nothing') {
    throw new UnknownNameError('not_found', `There is no ${path}.${didYouMean(match.near)}`, {
      component: 'api',
      expected: [...match.near],
      actual: path,
      hint: 'All paths are listed in /openapi.json.',
    });
  }
  const allow = match.allow.join(', ');
  context.set('Allow', allow);
  if (method === 'OPTIONS') {
    context.status = 204;
    return;
  }
  throw new InvalidRequestError('method_not_allowed', `${path} takes ${allow}, not ${method}.`, {
    component: 'api',
    expected: [...match.allow],
    actual: method,
    hint: 'All paths and their methods are listed in /openapi.json.',
  });
}

function didYouMean(near: readonly string[]): string {
  return near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
}

/** Says in the headers that another method or path is to be used. Source: RFC 9745. */
function markDeprecated(context: Context, route: Route): void {
  const isAlias = route.aliases?.includes(context.path) ?? false;
  if (route.deprecatedFor === undefined && !isAlias) return;
  const successor = isAlias ? route.path : context.path;
  context.set('Deprecation', DEPRECATED_SINCE);
  context.set('Link', `<${successor}>; rel="successor-version"`);
  if (route.deprecatedFor !== undefined) {
    context.set('Warning', `299 dia "Use ${route.deprecatedFor} instead of ${route.method}"`);
  }
}

/** The address of the client, after the name of its token if it has one. */
function clientOf(context: Context, caller: Caller | null): string {
  const address = addressOf(context.req);
  return caller === null ? address : `${caller.name}@${address}`;
}

/** Cuts the connection when the rest of a refused body does not end soon. */
function lingerOnBody(context: Context): void {
  const { req } = context;
  if (req.complete) return;
  const timer = setTimeout(() => {
    if (!req.complete) req.socket.destroy();
  }, REFUSED_BODY_LINGER_MS).unref();
  req.on('close', () => clearTimeout(timer));
}
