import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { routes } from '../../../src/api/routes.js';
import { startTestServer, type TestServer } from '../../support/apiServer.js';

interface Operation {
  operationId: string;
  summary: string;
  deprecated?: boolean;
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object; example?: unknown }> };
  responses: Record<
    string,
    { description?: string; $ref?: string; content?: Record<string, { schema: object }> }
  >;
}

interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

describe('the OpenAPI document', () => {
  let server: TestServer;
  let document: Document;
  let operations: [method: string, path: string, operation: Operation][];

  before(async () => {
    server = await startTestServer();
    document = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, string, Operation] => [
        method,
        path,
        operation,
      ]),
    );
  });
  after(() => server.close());

  it('is of version 3.1 and has what that demands', () => {
    expect(document.openapi).to.match(/^3\.1\.\d+$/);
    expect(document.info).to.include({ title: 'dia', version: '0.1.0' });
    for (const [method, path, operation] of operations) {
      expect(path, path).to.match(/^\//);
      expect(['get', 'put', 'post', 'delete']).to.include(method);
      expect(operation.responses[200]?.description, `${method} ${path}`).to.be.a('string');
    }
  });

  it('has every route of the table with its aliases, and no other', () => {
    const expected = routes.flatMap(({ method, path, aliases = [] }) =>
      [path, ...aliases].map((one) => `${method.toLowerCase()} ${one.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    expect(operations.map(([method, path]) => `${method} ${path}`)).to.have.members(expected);
  });

  it('describes the parameters of every path', () => {
    for (const [, path, operation] of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(
        described.map(({ name }) => name),
        path,
      ).to.deep.equal(inPath);
      expect(described.every(({ required }) => required)).to.equal(true);
    }
  });

  it('gives every operation an id of its own', () => {
    const ids = operations.map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('marks what is only kept for old clients', () => {
    const deprecated = operations.filter(([, , operation]) => operation.deprecated);
    expect(deprecated.map(([method, path]) => `${method} ${path}`)).to.have.members([
      'get /api/v1/reset',
      'get /api/v1/backend/{action}',
      'post /api/v1/set_client_cinfiguration',
    ]);
  });

  it('has only references that lead somewhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, path = '']) => path,
    );
    expect(references).to.not.be.empty;
    for (const reference of references) {
      let target: unknown = document;
      for (const key of reference.split('/')) target = Object(target)[key];
      expect(target, reference).to.be.an('object');
    }
  });

  it('has schemas that are JSON Schema 2020-12, and examples that fit them', () => {
    const ajv = new Ajv2020({ strict: false });
    for (const [method, path, operation] of operations) {
      for (const { schema, example } of Object.values(operation.requestBody?.content ?? {})) {
        const validate = ajv.compile(schema);
        if (example !== undefined) expect(validate(example), `${method} ${path}`).to.equal(true);
      }
    }
  });

  it('describes the answers that are really given', async () => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(document, 'api');
    for (const [method, path, operation] of operations) {
      const schema = operation.responses[200]?.content?.['application/json']?.schema;
      if (schema === undefined || path === '/openapi.json') continue;
      const pointer = path
        .replaceAll('~', '~0')
        .replaceAll('/', '~1')
        .replaceAll('{', '%7B')
        .replaceAll('}', '%7D');
      const validate = ajv.compile({
        $ref: `api#/paths/${pointer}/${method}/responses/200/content/application~1json/schema`,
      });
      const example = operation.requestBody?.content['application/json']?.example;
      const answer = await fetch(
        server.url + path.replace('{action}', method === 'put' ? 'config' : 'open').replaceAll(/[{}]/g, ''),
        {
          method,
          ...(example === undefined
            ? {}
            : { body: JSON.stringify(example), headers: { 'Content-Type': 'application/json' } }),
        },
      );
      const body: unknown = await answer.json();
      expect(
        validate(body),
        `${method} ${path}: ${JSON.stringify(body)} ${ajv.errorsText(validate.errors)}`,
      ).to.equal(true);
    }
  });
});
