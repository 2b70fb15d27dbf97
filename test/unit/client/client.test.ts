import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient, DiaClientError } from '../../../src/client/client.js';
import { ComponentFailedError, WrongStateError } from '../../../src/contracts/errors.js';
import type { Command } from '../../../src/contracts/integration.js';
import { startTestServer, type TestServer } from '../../support/apiServer.js';

const failureOf = async (work: Promise<unknown>): Promise<DiaClientError> => {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof DiaClientError) return thrown;
    throw thrown;
  }
  throw new Error('It should have failed.');
};

/** An address where nothing listens. */
const deserted = async (): Promise<string> => {
  const server = await startTestServer();
  await server.close();
  return server.url;
};

describe('DiaClient', () => {
  let server: TestServer;
  let client: DiaClient;

  beforeEach(async () => {
    server = await startTestServer();
    client = new DiaClient(server.url);
  });
  afterEach(() => server.close());

  const commands: [title: string, call: () => Promise<unknown>, command: Command][] = [
    ['start', () => client.start(), { type: 'acquisition.start', sections: null, triggerStart: true }],
    [
      'start with sections and without the trigger',
      () => client.start({ triggerStart: false, sections: { writer: { n_frames: 1 }, backend: undefined } }),
      { type: 'acquisition.start', sections: { writer: { n_frames: 1 } }, triggerStart: false },
    ],
    ['stop', () => client.stop(), { type: 'acquisition.stop' }],
    ['reset', () => client.reset(), { type: 'acquisition.reset' }],
    ['kill', () => client.kill(), { type: 'acquisition.kill' }],
    [
      'setConfig',
      () => client.setConfig({ writer: {}, backend: {}, detector: {} }),
      { type: 'acquisition.configure', config: { writer: {}, backend: {}, detector: {} } },
    ],
    [
      'updateConfig',
      () => client.updateConfig({ writer: { output_file: 'b.h5' }, detector: null }),
      { type: 'acquisition.update', sections: { writer: { output_file: 'b.h5' } } },
    ],
    ['reapplyConfig', () => client.reapplyConfig(), { type: 'acquisition.reapply' }],
    [
      'setDetectorValue',
      () => client.setDetectorValue('dr', 16),
      { type: 'detector.setValue', name: 'dr', value: 16 },
    ],
    [
      'setClientsEnabled',
      () => client.setClientsEnabled({ writer: false }),
      { type: 'components.enable', enabled: { writer: false } },
    ],
    ['backend', () => client.backend('open'), { type: 'backend.call', action: 'open', settings: null }],
    [
      'backend with settings',
      () => client.backend('config', { bit_depth: 16 }),
      { type: 'backend.call', action: 'config', settings: { bit_depth: 16 } },
    ],
    [
      'setClientConfiguration',
      () => client.setClientConfiguration({ left: { detector: {} } }),
      { type: 'overlay.set', overlays: { left: { detector: {} } } },
    ],
    [
      'clearClientConfiguration',
      () => client.clearClientConfiguration('left/right'),
      { type: 'overlay.clear', pipeline: 'left/right' },
    ],
  ];
  for (const [title, call, command] of commands) {
    it(`${title} asks for ${command.type}`, async () => {
      await call();
      expect(server.fake.executed.map((executed) => executed.command)).to.deep.equal([command]);
    });
  }

  it('reads everything there is to read', async () => {
    expect((await client.status()).status).to.equal('IntegrationStatus.INITIALIZED');
    expect((await client.statusDetails()).details).to.include({ detector: 'idle' });
    expect((await client.config()).config).to.have.all.keys('writer', 'backend', 'detector');
    expect(await client.detectorValue('a/b')).to.equal('value of a/b');
    expect((await client.serverInfo()).server_info).to.include({ version: '0.1.0', deployment: 'fake' });
    expect((await client.metrics()).metrics).to.have.property('writer');
    expect((await client.controlPanel()).clients_enabled).to.include({ writer: true });
    expect((await client.clientsEnabled()).clients_enabled).to.include({ writer: true });
    expect((await client.clientConfiguration('left')).client_configuration).to.have.property('detector');
    expect((await client.daqTest({ any: 1 })).result).to.deep.equal({ any: 1 });
    expect(await client.openApi()).to.include({ openapi: '3.1.0' });
    expect(await client.ping()).to.equal(true);
    expect((await client.start()).file).to.equal('/data/run_001.h5');
  });

  it('takes an address without a scheme, and with slashes at the end', async () => {
    expect(await new DiaClient(`127.0.0.1:${server.port}//`).ping()).to.equal(true);
  });

  it('sets a config from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dia-client-'));
    const path = join(folder, 'config.json');
    await writeFile(path, '{"writer": {"n_frames": 3}}');
    await client.setConfigFromFile(path);
    expect(server.fake.executed[0]?.command).to.deep.equal({
      type: 'acquisition.configure',
      config: { writer: { n_frames: 3 } },
    });
    const missing = await failureOf(client.setConfigFromFile(join(folder, 'none.json')));
    expect(missing.message).to.include('none.json');
    await writeFile(path, '{');
    expect((await failureOf(client.setConfigFromFile(path))).message).to.include('config.json');
    await rm(folder, { recursive: true });
  });

  it("throws what the server's error tells", async () => {
    server.fake.onExecute = () => {
      throw new WrongStateError('wrong_state', 'Not now.', {
        component: 'controller',
        operation: 'start',
        expected: 'CONFIGURED',
        actual: 'INITIALIZED',
        hint: 'Configure first.',
      });
    };
    const error = await failureOf(client.start());
    expect(error.message).to.equal('Not now.');
    expect(error).to.include({ code: 'wrong_state', httpStatus: 409, hint: 'Configure first.' });
    expect(error.facts).to.include({
      component: 'controller',
      expected: 'CONFIGURED',
      actual: 'INITIALIZED',
    });
    expect(error.requestId).to.equal(server.log[0]?.fields.requestId);
  });

  it('throws for errors that a server answers with 200', async () => {
    const legacy = await startTestServer({ legacyStatusCodes: true });
    const error = await failureOf(
      new DiaClient(legacy.url)
        .backend('config', { a: 1 })
        .then(() => client.daqTest(1))
        .then(() => new DiaClient(legacy.url).setConfig(Object({ writer: 1 }))),
    );
    expect(error).to.include({ code: 'invalid_body', httpStatus: 200 });
    await legacy.close();
  });

  it('says how to start a server when none is there', async () => {
    const address = await deserted();
    const error = await failureOf(new DiaClient(address).status());
    expect(error.code).to.equal('component_unreachable');
    expect(error.message).to.equal(`No dia server answers at ${address} (ECONNREFUSED).`);
    expect(error.hint).to.include('dia serve');
    expect(await new DiaClient(address).ping()).to.equal(false);
    const next = new DiaClient(address).events().next();
    expect((await failureOf(next)).hint).to.include('dia serve');
    expect((await failureOf(new DiaClient(address).waitForStatus('RUNNING'))).hint).to.include('dia serve');
  });

  it('says that something else answers', async () => {
    const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const error = await failureOf(new DiaClient(`127.0.0.1:${port}`).status());
    expect(error.code).to.equal('bad_answer');
    expect(error.message).to.include('is not a dia server');
    const events = await failureOf(new DiaClient(`127.0.0.1:${port}`).events().next());
    expect(events.code).to.equal('bad_answer');
    other.close();
  });

  it('gives up when no answer comes in time, and when it is told to', async () => {
    server.fake.onExecute = () => new Promise(() => {});
    const impatient = new DiaClient(server.url, { timeoutMs: 50 });
    const late = await failureOf(impatient.stop());
    expect(late.code).to.equal('component_timeout');
    expect(late.message).to.include('50 ms');
    const reason = new Error('enough');
    let thrown: unknown;
    await client.stop({ signal: AbortSignal.abort(reason) }).catch((error: unknown) => {
      thrown = error;
    });
    expect(thrown).to.equal(reason);
  });

  it('waits for a status by events, and answers which of several came', async () => {
    const waiting = client.waitForStatus(['FINISHED', 'IntegrationStatus.RUNNING']);
    server.fake.become({ status: 'CONFIGURED' });
    server.fake.become({ status: 'RUNNING' });
    expect(await waiting).to.equal('IntegrationStatus.RUNNING');
    expect(await client.waitForStatus('RUNNING')).to.equal('IntegrationStatus.RUNNING');
    expect(server.log.filter(({ message }) => message.includes('/status'))).to.deep.equal([]);
  });

  it("throws the integration's error when it goes to ERROR instead", async () => {
    const waiting = failureOf(client.waitForStatus('FINISHED'));
    server.fake.become({
      status: 'ERROR',
      error: new ComponentFailedError('frames_missing', '3 of 10 frames.', {
        component: 'writer',
        hint: 'Look.',
      }),
    });
    const error = await waiting;
    expect(error.message).to.equal('The integration is in ERROR: 3 of 10 frames.');
    expect(error).to.include({ code: 'frames_missing', hint: 'Look.' });
    expect(await client.waitForStatus('ERROR')).to.equal('IntegrationStatus.ERROR');
  });

  it('throws in the text clients know when a status does not come in time', async () => {
    const error = await failureOf(client.waitForStatus('FINISHED', { timeoutMs: 100 }));
    expect(error.code).to.equal('component_timeout');
    expect(error.message).to.equal(
      "Cannot reach desired status 'IntegrationStatus.FINISHED'. Current status 'IntegrationStatus.INITIALIZED'. Try to reset or get_status_details for more info.",
    );
  });

  it('resumes events where the connection was cut', async () => {
    const { fake, port } = server;
    const abort = new AbortController();
    const events = client.events({ signal: abort.signal });
    const seen: string[] = [];
    const take = async () => {
      const { value } = await events.next();
      seen.push(`${value?.type} ${value?.data.n ?? ''}`.trim());
    };
    await take();
    fake.events.add('progress', { n: 1 });
    await take();
    await server.close();
    fake.events.add('progress', { n: 2 });
    server = await startTestServer({ integration: fake, port });
    const resumed = take();
    await resumed;
    fake.events.add('progress', { n: 3 });
    await take();
    expect(seen).to.deep.equal(['snapshot', 'progress 1', 'progress 2', 'progress 3']);
    const last = events.next();
    abort.abort();
    expect((await last).done).to.equal(true);
  });

  it('gives up following events when the server does not come back', async () => {
    const events = client.events({ reconnectTimeoutMs: 50 });
    await events.next();
    await server.close();
    const error = await failureOf(events.next());
    expect(error.code).to.equal('component_unreachable');
    server = await startTestServer();
  });
});
