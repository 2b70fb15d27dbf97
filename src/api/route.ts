import type { TSchema } from 'typebox';
import type { Command, CommandContext, Integration } from '../contracts/integration.js';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import type { BodyRule } from './bodyRule.js';

/** A request as the route table sees it: the way it came in is settled. */
export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  /** The parsed body, not yet checked by the route's body rule; undefined when there was none. */
  readonly body: JsonValue | undefined;
  readonly context: CommandContext;
}

/** What a route does. Only `command` may change anything. */
export type RouteWork =
  | { readonly kind: 'command'; readonly command: (request: ApiRequest) => Command }
  | {
      readonly kind: 'read';
      /** What is added to the envelope. */
      readonly read: (integration: Integration, request: ApiRequest) => JsonObject | Promise<JsonObject>;
    }
  /** Answers that are no envelope, served by the app itself. */
  | { readonly kind: 'document'; readonly document: 'page' | 'openapi' | 'events' };

/** One row of the route table. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for parameters. */
  readonly path: string;
  /** Other spellings of the path that are kept for old clients. */
  readonly aliases?: readonly string[];
  /** What a parameter of the path may be, where it is not any text. */
  readonly params?: Readonly<Record<string, TSchema>>;
  readonly summary: string;
  /** Null when no body is taken. */
  readonly body: BodyRule | null;
  /** Schema of what the answer adds to the envelope. */
  readonly adds: TSchema;
  readonly work: RouteWork;
  /** Whether the answer may hold addresses of components, which may hold passwords. */
  readonly tellsAddresses?: boolean;
  /** The method to use instead, when this one is only kept for old clients. */
  readonly deprecatedFor?: 'POST' | 'PUT';
}

/** Whether a GET of this route is free of effects, so that HEAD may do the same. */
export function isSafe(route: Route): boolean {
  return route.method === 'GET' && route.work.kind !== 'command';
}
