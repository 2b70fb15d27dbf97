import type { TSchema } from 'typebox';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import type { Route } from './route.js';
import { adds, envelopeSchema, errorEnvelopeSchema } from './schemas.js';

/**
 * The OpenAPI 3.1 document of a route table.
 * Source: OpenAPI Specification 3.1.0; its schemas are JSON Schema 2020-12, as TypeBox makes them.
 */
export function openApiDocument(routes: readonly Route[], version: string): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      const template = path.replaceAll(/:(\w+)/g, '{$1}');
      const item = paths[template] ?? {};
      item[route.method.toLowerCase()] = operation(route, path);
      paths[template] = item;
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'dia',
      version,
      description: 'Detector integration controller: one acquisition, driven and watched over REST.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Envelope: plain(envelopeSchema), Error: plain(errorEnvelopeSchema) },
      responses: {
        Error: {
          description: 'Not done. `status` says why, `error.hint` what to do; see docs/errors.md.',
          headers: requestIdHeader,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

const requestIdHeader: JsonObject = {
  'X-Request-Id': { description: 'Stands in the log with all that was done.', schema: { type: 'string' } },
};

function operation(route: Route, path: string): JsonObject {
  const isAlias = path !== route.path;
  const described: JsonObject = {
    operationId: operationId(route.method, path),
    summary: route.summary,
    responses: { '200': success(route), default: { $ref: '#/components/responses/Error' } },
  };
  if (isAlias || route.deprecatedFor !== undefined) described.deprecated = true;
  const parameters = parametersOf(route, path);
  if (parameters.length > 0) described.parameters = parameters;
  if (route.body !== null) {
    const { options, schema } = route.body;
    const media: JsonObject = { schema: plain(schema) };
    if (options.example !== undefined) media.example = options.example;
    described.requestBody = { required: options.required ?? false, content: { 'application/json': media } };
  }
  return described;
}

function success(route: Route): JsonObject {
  return {
    description: route.summary,
    headers: requestIdHeader,
    content: successContent(route),
  };
}

function successContent({ work, adds: added }: Route): JsonObject {
  if (work.kind === 'document' && work.document === 'events') {
    return { 'text/event-stream': { schema: { type: 'string' } } };
  }
  if (work.kind === 'document' && work.document === 'page')
    return { 'text/html': { schema: { type: 'string' } } };
  if (work.kind === 'document') return { 'application/json': { schema: { type: 'object' } } };
  const envelope = { $ref: '#/components/schemas/Envelope' };
  const schema = added === adds.nothing ? envelope : { allOf: [envelope, plain(added)] };
  return { 'application/json': { schema } };
}

function parametersOf(route: Route, path: string): JsonValue[] {
  const parameters: JsonValue[] = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: route.params?.[name] === undefined ? { type: 'string' } : plain(route.params[name]),
  }));
  if (route.work.kind === 'document' && route.work.document === 'events') {
    const schema = { type: 'string' };
    const description = 'Resume after this event, `<epoch>-<n>`.';
    parameters.push(
      { name: 'Last-Event-ID', in: 'header', required: false, description, schema },
      { name: 'last_event_id', in: 'query', required: false, description, schema },
    );
  }
  return parameters;
}

/** `get_detector_value_name` for `GET /api/v1/detector/value/:name`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/api\/v1/, '').match(/\w+/g) ?? ['page'];
  return [method.toLowerCase(), ...words].join('_');
}

/** A schema as it goes over the wire, without what TypeBox keeps for itself. */
function plain(schema: TSchema): JsonObject {
  return JSON.parse(JSON.stringify(schema));
}
