import { expect } from 'chai';
import { type DetectorRoute, withDetectorRoutes } from '../../../src/api/detectorRoutes.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';
import { ask, startTestServer, type TestServer } from '../../support/apiServer.js';

const threshold: DetectorRoute = {
  path: '/threshold',
  field: 'energy',
  parameter: 'threshold',
  unit: 'eV',
  description: 'Set the energy threshold.',
};
const gain: DetectorRoute = { path: '/detector/gain', field: 'mode', parameter: 'settings' };

describe('routes of a deployment onto a detector parameter', () => {
  let server: TestServer;

  before(async () => {
    server = await startTestServer({ detectorRoutes: [threshold, gain] });
  });
  beforeEach(() => server.fake.executed.splice(0));
  after(() => server.close());

  const commands = () => server.fake.executed.map(({ command }) => command);

  it('set the parameter and answer the value read back', async () => {
    server.fake.onExecute = () => ({ value: 6199.5 });
    const answer = await ask(server, 'POST /api/v1/threshold', { json: { energy: 6200 } });
    expect(answer.httpStatus).to.equal(200);
    expect(answer.body).to.deep.equal({
      state: 'ok',
      status: 'IntegrationStatus.INITIALIZED',
      value: 6199.5,
    });
    expect(commands()).to.deep.equal([{ type: 'detector.setValue', name: 'threshold', value: 6200 }]);
  });

  it('take texts where there is no unit', async () => {
    await ask(server, 'POST /api/v1/detector/gain', { json: { mode: 'g1' } });
    expect(commands()).to.deep.equal([{ type: 'detector.setValue', name: 'settings', value: 'g1' }]);
  });

  const refused: [string, unknown, string | RegExp][] = [
    ['no body', undefined, 'This request needs a JSON body, and none came.'],
    ['an empty body', {}, "'energy' must be set in JSON request."],
    ['a text for a number', { energy: '6200' }, "'energy' must be a number, not the string '6200'."],
    ['no value', { energy: null }, "'energy' must be a number, not null."],
    ['a mistyped field as well', { energy: 1, enrgy: 1 }, "Unknown field 'enrgy'; did you mean 'energy'?"],
  ];
  for (const [what, json, status] of refused) {
    it(`refuse ${what}, and nothing reaches the detector`, async () => {
      const answer = await ask(server, 'POST /api/v1/threshold', { json });
      expect(answer.httpStatus).to.equal(400);
      expect(answer.body).to.include({ state: 'error', status });
      expect(commands()).to.deep.equal([]);
    });
  }

  it('take POST only', async () => {
    expect((await ask(server, 'GET /api/v1/threshold')).httpStatus).to.equal(405);
  });

  it('stand in the OpenAPI document with the unit', async () => {
    const document = await (await fetch(`${server.url}/openapi.json`)).json();
    const { post } =
      (document as { paths: Record<string, Record<string, Record<string, unknown>>> }).paths[
        '/api/v1/threshold'
      ] ?? {};
    expect(post).to.include({ operationId: 'post_threshold', summary: 'Set the energy threshold.' });
    expect(post?.requestBody).to.deep.equal({
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['energy'],
            properties: { energy: { type: 'number', description: 'In eV.' } },
            additionalProperties: false,
          },
          example: { energy: 1000 },
        },
      },
    });
  });

  it('do not exist in other deployments', async () => {
    const other = await startTestServer();
    try {
      expect((await ask(other, 'POST /api/v1/threshold', { json: { energy: 1 } })).httpStatus).to.equal(404);
    } finally {
      await other.close();
    }
  });

  for (const path of [
    '/start',
    '/detector/value',
    '/set_client_cinfiguration',
    '/backend/open',
    '/threshold',
  ]) {
    it(`cannot take the path ${path} of another route`, () => {
      expect(() => withDetectorRoutes([threshold, { ...threshold, path }]))
        .to.throw(InvalidRequestError, `there is a route ${path} already`)
        .with.property('code', 'invalid_deployment');
    });
  }
});
