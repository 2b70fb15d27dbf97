import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure, thrownBy } from '../support/calls.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

const PIPELINES = ['a', 'b', 'c', 'd'];

/** Four pipelines, each with a detector, a backend and a writer of its own. */
const four = {
  pipelines: PIPELINES.map((name) => ({
    name,
    detector: { kind: 'simulated', options: { endpoint: `\${services.${name}-detector.control}` } },
    backend: { kind: 'psi', options: { url: `\${services.${name}-backend.http}` } },
    writer: { kind: 'h5-service', options: { url: `\${services.${name}-writer.http}` } },
  })),
  services: PIPELINES.flatMap((name) => [
    { name: `${name}-detector`, program: 'simulated-detector', args: ['--shape', '16x32'], lingerMs: 5_000 },
    {
      name: `${name}-backend`,
      program: 'simulated-backend',
      args: ['--frames-from', `\${services.${name}-detector.frames}`],
      lingerMs: 5_000,
    },
    {
      name: `${name}-writer`,
      program: 'writer',
      args: ['--service', '--stream', `\${services.${name}-backend.frames}`],
      lingerMs: 5_000,
    },
  ]),
};

describe('four pipelines', function () {
  this.timeout(60_000);
  let dia: TestIntegration;
  before(async () => {
    dia = await boot({ settings: four });
  });
  after(() => dia?.close());
  beforeEach(() => dia.client.reset());

  const written = async (run: string, pipeline: string) =>
    (await verifyFile(dia.file(`${run}.${pipeline}.h5`))).framesWritten;

  it('run as one, each into a file of its own', async () => {
    await dia.client.setConfig(acquisition('all.h5', 10));
    await dia.client.start();
    await dia.client.waitForStatus('FINISHED');
    for (const name of PIPELINES) expect(await written('all', name)).to.equal(10);
    const { details } = await dia.client.statusDetails();
    expect(details).to.have.keys(...PIPELINES);
    expect(details.b).to.deep.equal({ writer: 'finished', backend: 'OPEN', detector: 'idle' });
    const { metrics } = await dia.client.metrics();
    expect(metrics.c).to.have.nested.property('writer.n_written_frames', 10);
    expect((await dia.client.status()).progress).to.include({ written_frames: 40, expected_frames: 40 });
  });

  it('leave out a pipeline that is disabled', async () => {
    await dia.client.setClientsEnabled({ d: false });
    try {
      await dia.client.setConfig(acquisition('three.h5', 5));
      await dia.client.start();
      await dia.client.waitForStatus('FINISHED');
      expect(await written('three', 'a')).to.equal(5);
      await thrownBy(verifyFile(dia.file('three.d.h5')));
      expect((await dia.client.statusDetails()).details.d).to.deep.equal({
        writer: 'DISABLED',
        backend: 'DISABLED',
        detector: 'DISABLED',
      });
    } finally {
      await dia.client.reset();
      await dia.client.setClientsEnabled({ d: true });
    }
  });

  it('finish with the slowest of them', async () => {
    await dia.client.setClientConfiguration({ b: { detector: { period: 0.05 } } });
    try {
      await dia.client.setConfig(acquisition('slow.h5', 10, 0.002));
      const before = performance.now();
      await dia.client.start();
      await dia.client.waitForStatus('FINISHED');
      // The tenth frame of the slow one is due nine periods after its start.
      expect(performance.now() - before).to.be.greaterThan(9 * 50);
      for (const name of PIPELINES) expect(await written('slow', name)).to.equal(10);
      expect(await dia.client.detectorValue('period')).to.deep.equal({
        a: 0.002,
        b: 0.05,
        c: 0.002,
        d: 0.002,
      });
    } finally {
      await dia.client.clearClientConfiguration('b');
    }
  });

  it('refuse an overlay that makes a config invalid, and name the pipeline', async () => {
    await dia.client.setClientConfiguration({ c: { detector: { frames: 3 } } });
    try {
      const error = await failure(dia.client.setConfig(acquisition('overlay.h5', 10)));
      expect(error.message).to.equal(
        "Pipeline 'c': Invalid config. Backend 'n_frames' set to '10', but detector 'frames' set to '3'. They must be equal.",
      );
      expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    } finally {
      await dia.client.clearClientConfiguration('c');
    }
  });

  it('say INCONSISTENT when they contradict each other', async () => {
    await dia.client.setConfig(acquisition('contradiction.h5', 10));
    const url = (await dia.client.serverInfo()).server_info.clients['b.backend'] ?? '';
    expect((await fetch(`${url}/v1/state/reset`, { method: 'POST', body: '{}' })).status).to.equal(200);
    await dia.client.waitForStatus('INCONSISTENT', { timeoutMs: 5_000 });
    expect((await dia.client.status()).details).to.include('b.backend is INITIALIZED');
    expect(await dia.client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  // The last one: what it breaks stays broken.
  it('are in ERROR together when one of them fails, and the others keep their frames', async () => {
    await dia.client.setConfig(acquisition('one-fails.h5', 20_000, 0.005));
    await dia.client.start();
    const pids: Record<string, number> = JSON.parse(
      await readFile(join(dia.folder, 'data', '.dia', 'services.json'), 'utf8'),
    );
    for await (const { type, data } of dia.client.events()) {
      if (type === 'progress' && Number(data.written_frames) > 3) break;
    }
    process.kill(pids['c-detector'] ?? 0, 'SIGKILL');
    const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 20_000 }));
    expect(error.message).to.include('c.detector');
    for await (const { data } of dia.client.events({ signal: AbortSignal.timeout(20_000) })) {
      if (data.status === 'IntegrationStatus.ERROR' && (data.transition ?? null) === null) {
        if (String(data.details).includes('was lost')) break;
      }
    }
    expect(await written('one-fails', 'a')).to.be.greaterThan(3);
    const { details } = await dia.client.statusDetails();
    expect(details.a).to.deep.include({ detector: 'idle', writer: 'stopped' });
  });
});
