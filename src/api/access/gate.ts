import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AccessSettings } from '../../config/accessSettings.js';
import { InvalidRequestError, WrongStateError } from '../../contracts/errors.js';
import type { Route } from '../route.js';
import { AddressList, plainAddress } from './addressList.js';
import { CommandRate } from './commandRate.js';
import { foreignPage, isWelcome } from './sameOrigin.js';
import { type Caller, TokenBook } from './tokenBook.js';

/** A server to which everybody has access who reaches it. */
export const OPEN_ACCESS: AccessSettings = { tokens: [], allow: [], origins: [] };

const CHALLENGES = ['Bearer realm="dia"', 'Basic realm="dia", charset="UTF-8"'];

/** Decides who may do what; refuses before anything of a request is looked at closer. */
export class Gate {
  readonly #settings: AccessSettings;
  readonly #addresses: AddressList;
  readonly #tokens: TokenBook;
  readonly #rate: CommandRate | null;

  constructor(settings: AccessSettings = OPEN_ACCESS) {
    this.#settings = settings;
    this.#addresses = new AddressList(settings.allow);
    this.#tokens = new TokenBook(settings.tokens);
    this.#rate =
      settings.commandsPerSecond === undefined ? null : new CommandRate(settings.commandsPerSecond);
  }

  /**
   * Lets a client in, whatever it asks for; answers who it is, null when nobody has to say.
   *
   * @throws InvalidRequestError `forbidden` for its address, `unauthorized` for its token.
   */
  enter(request: IncomingMessage, response: ServerResponse): Caller | null {
    const address = addressOf(request);
    if (!this.#addresses.allows(address)) {
      throw new InvalidRequestError('forbidden', `Clients at ${address} may not use this server.`, {
        component: 'api',
        expected: "an address in the deployment's access.allow",
        actual: address,
        hint: 'Ask whoever keeps the deployment to add the address or its network to access.allow.',
      });
    }
    this.#welcome(request, response);
    // A browser asks in advance, without the token, whether it may send the request itself.
    if (this.#tokens.isEmpty || request.method === 'OPTIONS') return null;
    const caller = this.#tokens.callerOf(request.headers.authorization);
    if (caller === null) throw unauthorized(request, response);
    return caller;
  }

  /**
   * Lets a client do what a route does.
   *
   * @throws InvalidRequestError `forbidden` for commands that a foreign page or an observer sends, WrongStateError
   * `rate_limited` when they come too fast.
   */
  pass(route: Route, caller: Caller | null, { request, response }: Exchange): void {
    if (route.work.kind !== 'command') return;
    const page = foreignPage(request.headers, this.#originRules(request));
    if (page !== null) throw foreign(page);
    if (caller !== null && caller.role !== 'operator') throw onlyReads(caller);
    // Who has to end something must never be told to wait.
    if (this.#rate === null || route.path.endsWith('/kill')) return;
    const waitS = this.#rate.take(addressOf(request));
    if (waitS > 0) throw tooFast(waitS, { settings: this.#settings, response });
  }

  /** Tells a browser that a page of a listed origin may read the answers. */
  #welcome(request: IncomingMessage, response: ServerResponse): void {
    const { origin, host } = request.headers;
    if (origin === undefined || !isWelcome(origin, host, this.#originRules(request))) return;
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After');
    if (request.method !== 'OPTIONS') return;
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE');
    response.setHeader(
      'Access-Control-Allow-Headers',
      'Authorization, Content-Type, Last-Event-ID, X-Dia-Lease, X-Request-Id',
    );
  }

  #originRules(request: IncomingMessage) {
    const { origins, tls } = this.#settings;
    return { origins, isTls: tls !== undefined, isGet: request.method === 'GET' };
  }
}

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const addresses = new WeakMap<Socket, string>();

/** The address of the client, IPv4 also where the socket calls it an IPv6 one. */
export function addressOf({ socket }: IncomingMessage): string {
  const known = addresses.get(socket);
  if (known !== undefined) return known;
  const address = plainAddress(socket.remoteAddress ?? '');
  addresses.set(socket, address);
  return address;
}

function unauthorized(request: IncomingMessage, response: ServerResponse): InvalidRequestError {
  response.setHeader('WWW-Authenticate', CHALLENGES);
  const wasGiven = request.headers.authorization !== undefined;
  const message = wasGiven ? 'The token is not one of this server.' : 'This server asks for a token.';
  return new InvalidRequestError('unauthorized', message, {
    component: 'api',
    expected: 'Authorization: Bearer <token>',
    // Never what was sent: it may be a token of something else.
    actual: wasGiven ? 'another token' : 'no token',
    hint: 'Give the token with --token-file or DIA_TOKEN, or as the header Authorization: Bearer. `dia token` makes a new one.',
  });
}

function foreign(page: string): InvalidRequestError {
  return new InvalidRequestError('forbidden', `A browser sent this command for ${page}.`, {
    component: 'api',
    expected: "a page of this server, or one of the deployment's access.origins",
    actual: page,
    hint: 'Nothing was done. If the page is yours, add its origin to access.origins of the deployment; from the address bar use POST.',
  });
}

function onlyReads({ name, role }: Caller): InvalidRequestError {
  return new InvalidRequestError('forbidden', `The token of ${name} may read, but send no commands.`, {
    component: 'api',
    expected: 'a token with the role operator',
    actual: role,
    hint: 'Use the token of an operator, or ask whoever keeps the deployment for one.',
  });
}

function tooFast(
  waitS: number,
  { settings, response }: { settings: AccessSettings; response: ServerResponse },
): WrongStateError {
  const seconds = Math.ceil(waitS);
  response.setHeader('Retry-After', String(seconds));
  return new WrongStateError('rate_limited', 'Commands come too fast from this address.', {
    component: 'api',
    expected: `at most ${settings.commandsPerSecond} commands per second`,
    hint: `Nothing was done. Try again in ${seconds} s; kill is always taken. Follow /api/v1/events instead of repeating commands.`,
  });
}
