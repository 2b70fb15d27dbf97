import type { TSchema } from 'typebox';
import { InvalidRequestError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { Type } from '../contracts/schemaTypes.js';
import { BodyRule } from './bodyRule.js';
import type { Route } from './route.js';
import { routes, V1 } from './routes.js';
import { adds } from './schemas.js';

/** A route of one deployment that sets one parameter of the detector. */
export interface DetectorRoute {
  /** Below the prefix of the API, `/threshold`. */
  readonly path: string;
  /** Field of the body that has the value. */
  readonly field: string;
  /** The detector's parameter. */
  readonly parameter: string;
  /** With a unit the value has to be a number. */
  readonly unit?: string | undefined;
  readonly description?: string;
}

/**
 * The route table with the routes of a deployment in it.
 *
 * @throws InvalidRequestError `invalid_deployment` for paths that there are already.
 */
export function withDetectorRoutes(extra: readonly DetectorRoute[]): readonly Route[] {
  const table = [...routes];
  for (const settings of extra) {
    const route = toRoute(settings);
    const taken = table.some(({ path, aliases = [] }) =>
      [path, ...aliases].some((known) => matches(known, route.path)),
    );
    if (taken) throw pathTaken(settings.path);
    table.push(route);
  }
  return table;
}

function toRoute({ path, field, parameter, unit, description }: DetectorRoute): Route {
  const body = new BodyRule(bodySchema({ field, unit }), {
    required: true,
    whenIncomplete: `'${field}' must be set in JSON request.`,
    example: { [field]: unit === undefined ? 'value' : 1000 },
  });
  const summary = description || `Set the detector's ${parameter}; answers the value read back.`;
  return {
    method: 'POST',
    path: `${V1}${path}`,
    summary,
    body,
    adds: adds.value,
    work: {
      kind: 'command',
      command: (request) => {
        const given = body.need(request.body) as Readonly<Record<string, JsonValue>>;
        return { type: 'detector.setValue', name: parameter, value: given[field] ?? null };
      },
    },
  };
}

function bodySchema({ field, unit }: Pick<DetectorRoute, 'field' | 'unit'>): TSchema {
  const value =
    unit === undefined
      ? Type.Unsafe<JsonValue>({ type: ['number', 'string', 'boolean'] })
      : Type.Number({ description: `In ${unit}.` });
  return Type.Object({ [field]: value }, { additionalProperties: false });
}

/** Whether a path of the table, which may have parameters, is this path. */
function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('/');
  const given = path.split('/');
  return parts.length === given.length && parts.every((part, i) => part.startsWith(':') || part === given[i]);
}

function pathTaken(path: string): InvalidRequestError {
  return new InvalidRequestError('invalid_deployment', `routes: there is a route ${path} already.`, {
    component: 'api',
    operation: 'add the routes of the deployment',
    expected: 'a path that no other route has',
    actual: path,
    hint: 'Give the route another path in deployment.yaml; docs/rest-api.md lists those that there are.',
  });
}
