import { expect } from 'chai';
import { routes } from '../../../src/api/routes.js';
import type { Command } from '../../../src/contracts/integration.js';
import { FakeIntegration } from '../../support/apiFake.js';
import { ask, startTestServer, type TestServer } from '../../support/apiServer.js';

interface Case {
  readonly request: string;
  readonly json?: unknown;
  /** The command that reaches the controller; null when nothing must. */
  readonly command: Command | null;
  readonly adds: Record<string, unknown>;
  readonly deprecated?: true;
}

const noSections = { type: 'acquisition.start', sections: null, triggerStart: true } as const;
const config = { writer: {}, backend: {}, detector: {} };
const started = { file: '/data/run_001.h5' };

const cases: Case[] = [
  { request: 'POST /api/v1/start', command: noSections, adds: started },
  { request: 'POST /api/v1/start', json: {}, command: noSections, adds: started },
  { request: 'POST /api/v1/start', json: { trigger_start: true }, command: noSections, adds: started },
  {
    request: 'POST /api/v1/start',
    json: { trigger_start: false, writer: { n_frames: 1 }, backend: null },
    command: { type: 'acquisition.start', sections: { writer: { n_frames: 1 } }, triggerStart: false },
    adds: started,
  },
  { request: 'POST /api/v1/stop', command: { type: 'acquisition.stop' }, adds: {} },
  { request: 'POST /api/v1/stop', json: {}, command: { type: 'acquisition.stop' }, adds: {} },
  { request: 'POST /api/v1/reset', command: { type: 'acquisition.reset' }, adds: {} },
  { request: 'GET /api/v1/reset', command: { type: 'acquisition.reset' }, adds: {}, deprecated: true },
  { request: 'POST /api/v1/kill', command: { type: 'acquisition.kill' }, adds: {} },
  { request: 'GET /api/v1/status', command: null, adds: {} },
  { request: 'GET /api/v1/status/', command: null, adds: {} },
  {
    request: 'GET /api/v1/status_details',
    command: null,
    adds: { details: { writer: 'stopped', backend: 'INITIALIZED', detector: 'idle' } },
  },
  { request: 'GET /api/v1/config', command: null, adds: { config } },
  {
    request: 'PUT /api/v1/config',
    json: { writer: { n_frames: 10 }, backend: {}, detector: {} },
    command: {
      type: 'acquisition.configure',
      config: { writer: { n_frames: 10 }, backend: {}, detector: {} },
    },
    adds: { config },
  },
  {
    request: 'PUT /api/v1/config',
    json: { writer: { n_frames: 10 }, backend: null, detector: null },
    command: { type: 'acquisition.configure', config: { writer: { n_frames: 10 } } },
    adds: { config },
  },
  {
    request: 'PUT /api/v1/config',
    json: null,
    command: { type: 'acquisition.configure', config: {} },
    adds: { config },
  },
  {
    request: 'POST /api/v1/config',
    json: { writer: { output_file: 'b.h5' }, backend: null, detector: null },
    command: { type: 'acquisition.update', sections: { writer: { output_file: 'b.h5' } } },
    adds: { config },
  },
  { request: 'POST /api/v1/configure', command: { type: 'acquisition.reapply' }, adds: { config } },
  { request: 'GET /api/v1/detector/value/frames', command: null, adds: { value: 'value of frames' } },
  { request: 'GET /api/v1/detector/value/a%2Fb%20c', command: null, adds: { value: 'value of a/b c' } },
  {
    request: 'POST /api/v1/detector/value',
    json: { name: 'dr', value: 32 },
    command: { type: 'detector.setValue', name: 'dr', value: 32 },
    adds: { value: 32 },
  },
  { request: 'GET /api/v1/info', command: null, adds: { server_info: new FakeIntegration().serverInfo() } },
  {
    request: 'GET /api/v1/metrics',
    command: null,
    adds: { metrics: { writer: { n_written_frames: 7 }, backend: {}, detector: {} } },
  },
  {
    request: 'GET /api/v1/control_panel',
    command: null,
    adds: {
      details: { writer: 'stopped', backend: 'INITIALIZED', detector: 'idle' },
      clients_enabled: { writer: true, backend: true, detector: true },
      config,
      metrics: { writer: { n_written_frames: 7 }, backend: {}, detector: {} },
    },
  },
  {
    request: 'GET /api/v1/enabled_clients',
    command: null,
    adds: { clients_enabled: { writer: true, backend: true, detector: true } },
  },
  {
    request: 'POST /api/v1/enabled_clients',
    json: { backend: false },
    command: { type: 'components.enable', enabled: { backend: false } },
    adds: { clients_enabled: { backend: false } },
  },
  {
    request: 'PUT /api/v1/backend/config',
    json: { bit_depth: 16 },
    command: { type: 'backend.call', action: 'config', settings: { bit_depth: 16 } },
    adds: { config: { bit_depth: 16 } },
  },
  {
    request: 'PUT /api/v1/backend/open',
    json: {},
    command: { type: 'backend.call', action: 'open', settings: null },
    adds: { value: null },
  },
  {
    request: 'GET /api/v1/backend/close',
    command: { type: 'backend.call', action: 'close', settings: null },
    adds: { value: null },
    deprecated: true,
  },
  {
    request: 'POST /api/v1/set_client_configuration',
    json: { left: { detector: { exptime: 1 } } },
    command: { type: 'overlay.set', overlays: { left: { detector: { exptime: 1 } } } },
    adds: { client_configuration: { left: { detector: { exptime: 1 } } } },
  },
  {
    request: 'POST /api/v1/set_client_cinfiguration',
    json: { left: {} },
    command: { type: 'overlay.set', overlays: { left: {} } },
    adds: { client_configuration: { left: {} } },
    deprecated: true,
  },
  {
    request: 'POST /api/v1/clear_client_configuration/left',
    command: { type: 'overlay.clear', pipeline: 'left' },
    adds: { client_configuration: {} },
  },
  {
    request: 'POST /api/v1/get_client_configuration/left',
    command: null,
    adds: { client_configuration: { detector: { pipeline: 'left' } } },
  },
  {
    request: 'POST /api/v1/lease',
    json: { owner: 'scan 42', seconds: 60 },
    command: { type: 'lease.take', owner: 'scan 42', seconds: 60 },
    adds: { lease: { id: 'secret', owner: 'scan 42', remaining_s: 60 } },
  },
  { request: 'DELETE /api/v1/lease', command: { type: 'lease.release' }, adds: { lease: null } },
  { request: 'GET /api/v1/lease', command: null, adds: { lease: null } },
  { request: 'POST /api/v1/daq_test', json: ['echo', 1], command: null, adds: { result: ['echo', 1] } },
  { request: 'POST /api/v1/daq_test', command: null, adds: { result: null } },
];

describe('routes of the API', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(() => server.close());

  for (const { request, json, command, adds, deprecated } of cases) {
    const body = json === undefined ? 'without a body' : `with ${JSON.stringify(json)}`;
    it(`${request} ${body} ${command === null ? 'only reads' : `asks for ${command.type}`}`, async () => {
      const answer = await ask(server, request, { json });
      expect(answer.body).to.deep.equal({ state: 'ok', status: 'IntegrationStatus.INITIALIZED', ...adds });
      expect(answer.httpStatus).to.equal(200);
      expect(server.fake.executed.map((executed) => executed.command)).to.deep.equal(
        command === null ? [] : [command],
      );
      expect(answer.headers.has('deprecation')).to.equal(deprecated ?? false);
      expect(answer.headers.has('link')).to.equal(deprecated ?? false);
      expect(answer.headers.get('content-type')).to.equal('application/json; charset=utf-8');
      expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
    });
  }

  it('are all in the table of this test', () => {
    const tested = cases.map(({ request }) => request);
    for (const { method, path, work } of routes) {
      if (work.kind === 'document') continue;
      const pattern = new RegExp(`^${method} ${path.replaceAll(/:\w+/g, '[^/]+')}$`);
      expect(
        tested.some((request) => pattern.test(request)),
        `${method} ${path} is tested`,
      ).to.equal(true);
    }
  });

  it('report the status that holds after the command', async () => {
    server.fake.onExecute = () => {
      server.fake.become({ status: 'RUNNING' });
      return { file: '/data/a.h5' };
    };
    const { body } = await ask(server, 'POST /api/v1/start');
    expect(body).to.deep.equal({ state: 'ok', status: 'IntegrationStatus.RUNNING', file: '/data/a.h5' });
  });
});
