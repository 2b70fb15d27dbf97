import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { packagedDeploymentsFolder } from '../../src/config/findDeployment.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { serve } from '../../src/serve.js';
import { until } from '../support/calls.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';
import { SlsPrograms } from '../support/slsPrograms.js';
import { firstPixels } from '../support/writerFile.js';

const count = (frames: number) => Array.from({ length: frames }, (_, frame) => frame);

for (const backend of ['sls-receiver', 'none'] as const) {
  describe(`an acquisition with an SLS detector and the backend ${backend}`, function () {
    this.timeout(30_000);
    let programs: SlsPrograms;
    let dia: TestIntegration;

    async function begin(settings: Record<string, unknown> = {}): Promise<void> {
      programs = await SlsPrograms.start();
      const receiver = backend === 'none' ? 'detector' : 'backend';
      const { folder: commandFolder } = programs;
      dia = await boot({
        settings: {
          pipelines: [
            {
              name: 'jungfrau',
              detector: {
                kind: 'sls',
                options: { commandFolder, receiver, bitDepths: [16], fixedParameters: { powerchip: '1' } },
              },
              backend: { kind: backend, options: backend === 'none' ? {} : { commandFolder } },
              writer: { kind: 'h5-service', options: { url: `\${services.writer.http}` } },
            },
          ],
          limits: {
            statusTimeoutMs: 5_000,
            drainTimeoutMs: 5_000,
            lostAfterMs: 2_000,
            settleTimeoutMs: 5_000,
            pollRunningMs: 50,
          },
          services: [
            {
              name: 'writer',
              program: 'writer',
              args: ['--service', '--dialect', 'sls', '--stream', programs.stream],
            },
          ],
          ...settings,
        },
      });
    }
    afterEach(async () => {
      await dia?.close();
      await programs?.end();
    });

    it('goes from configured to finished and leaves every frame in the file, run after run', async () => {
      await begin();
      const { client } = dia;
      for (const name of ['one.h5', 'two.h5']) {
        await client.setConfig(acquisition(dia.file(name), 20, 0.01));
        await client.start();
        await client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
        expect(await firstPixels(dia.file(name))).to.deep.equal(count(20));
        expect(await verifyFile(dia.file(name))).to.include({
          complete: true,
          framesWritten: 20,
          framesLost: 0,
        });
        expect((await client.stop()).status).to.equal('IntegrationStatus.INITIALIZED');
      }
      expect((await programs.seen()).mostClients).to.equal(1);
    });

    it('stops in the middle, with detector and receiver stopped', async () => {
      await begin();
      const { client } = dia;
      await client.setConfig(acquisition(dia.file('stopped.h5'), 10_000, 0.01));
      await client.start();
      await until(
        () => client.status(),
        ({ details, status }) => {
          if (status !== 'IntegrationStatus.RUNNING') throw new Error(JSON.stringify(details));
          return true;
        },
      );
      await programs.seen();
      await client.stop();
      const { calls } = await programs.seen();
      expect(calls.filter((call) => /stop$/.test(call)).slice(0, 2)).to.deep.equal([
        'put stop',
        'put rx_stop',
      ]);
      expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    });

    it('begins the next run without a reset in the vocabulary ready, with frames from 0 again', async () => {
      await begin({ vocabulary: 'ready' });
      const { client } = dia;
      for (const name of ['one.h5', 'two.h5']) {
        await client.start({ sections: acquisition(dia.file(name), 15, 0.01) });
        await client.waitForStatus('READY', { timeoutMs: 10_000 });
        expect(await firstPixels(dia.file(name))).to.deep.equal(count(15));
      }
      const audit = await readFile(join(dia.folder, 'data', '.dia', 'audit.log'), 'utf8');
      const configured = audit.split('\n').filter((line) => line.includes('"detector.configure"'));
      expect(configured).to.have.lengthOf(1);
    });

    it('is an error when the receiver dies, and the detector is stopped all the same', async () => {
      await begin();
      const { client } = dia;
      await client.setConfig(acquisition(dia.file('dead.h5'), 10_000, 0.01));
      await client.start();
      await programs.receiver('dead');
      if (backend === 'none') await client.stop().catch(() => undefined);
      const failed = await until(
        () => client.status(),
        ({ status }) => status === 'IntegrationStatus.ERROR',
        10_000,
      );
      expect(JSON.stringify(failed)).to.contain('receiver of').and.contain('cannot be reached');
      await until(
        () => client.statusDetails(),
        ({ details }) => (details as { detector?: string }).detector === 'idle',
      );
      await programs.receiver('alive');
      await client.reset();
      expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    });
  });
}

describe('the deployment jungfrau-virtual', function () {
  this.timeout(30_000);

  it('takes the frames of the quick start in its README', async () => {
    const programs = await SlsPrograms.start();
    const folder = await mkdtemp(join(tmpdir(), 'dia-jungfrau-'));
    const service = await serve({
      deployment: 'jungfrau-virtual',
      flags: { port: 0, dataDir: folder },
      env: { SLS_BIN: programs.folder, SLS_STREAM: programs.stream },
      quiet: true,
    });
    try {
      const readme = await readFile(
        join(packagedDeploymentsFolder(), 'jungfrau-virtual', 'README.md'),
        'utf8',
      );
      const config: ReturnType<typeof acquisition> = JSON.parse(/-d '(.*?)'/s.exec(readme)?.[1] ?? '');
      config.writer.output_file = 'quickstart.h5';
      const client = new DiaClient(service.url);
      await client.reset();
      await client.setConfig(config);
      const { file } = await client.start();
      await client.waitForStatus('FINISHED', { timeoutMs: 15_000 });
      expect(await firstPixels(String(file))).to.deep.equal(count(20));
      expect((await client.metrics()).metrics).to.deep.nested.include({ 'backend.frames_caught': 20 });
    } finally {
      await service.close();
      await programs.end();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
