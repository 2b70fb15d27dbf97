import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { until } from '../support/calls.js';
import { acquisition, boot, simulatedDeployment, type TestIntegration } from '../support/integration.js';

describe('a deployment with a writer process per acquisition', function () {
  this.timeout(30_000);
  let dia: TestIntegration;
  let logFolder: string;

  before(async () => {
    logFolder = await mkdtemp(join(tmpdir(), 'dia-writer-log-'));
    const { services, ...settings } = simulatedDeployment('32x64') as { services: { name: string }[] };
    const [pipeline = {}] = (settings as Record<string, Record<string, unknown>[]>).pipelines ?? [];
    const options = {
      command: 'dia-writer',
      streamAddress: `\${services.backend.frames}`,
      logFolder,
    };
    dia = await boot({
      settings: {
        ...settings,
        pipelines: [{ ...pipeline, writer: { kind: 'h5-process', options } }],
        services: services.filter(({ name }) => name !== 'writer'),
      },
    });
  });
  after(async () => {
    await dia?.close();
    await rm(logFolder, { recursive: true, force: true });
  });
  beforeEach(() => dia.client.reset());

  const writerPid = () => {
    const note = readFileSync(join(logFolder, 'writer.run.json'), 'utf8');
    return (JSON.parse(note) as { pid: number }).pid;
  };

  it('finishes when the process has gone, with every frame in the file', async () => {
    for (const name of ['first.h5', 'second.h5']) {
      await dia.client.reset();
      await dia.client.setConfig(acquisition(dia.file(name), 20));
      expect((await dia.client.start()).file).to.equal(dia.file(name));
      await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
      expect((await verifyFile(dia.file(name))).framesWritten).to.equal(20);
      const { details } = await dia.client.statusDetails();
      expect(details).to.include({ writer: 'stopped' });
    }
  });

  it('ends the process with a stop, and keeps the frames so far', async () => {
    await dia.client.setConfig(acquisition(dia.file('stopped.h5'), 1000));
    await dia.client.start();
    const pid = writerPid();
    await until(
      () => dia.client.status(),
      ({ progress }) => Number((progress as { written_frames?: number } | undefined)?.written_frames) > 3,
    );
    await dia.client.stop();
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
    expect((await verifyFile(dia.file('stopped.h5'))).framesWritten).to.be.within(4, 999);
  });

  it('is ended by a kill when it hangs', async () => {
    await dia.client.setConfig(acquisition(dia.file('hung.h5'), 1000));
    await dia.client.start();
    const pid = writerPid();
    process.kill(pid, 'SIGSTOP');
    expect(await dia.client.kill()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
  });

  it('fails with the reason when the process dies', async () => {
    await dia.client.setConfig(acquisition(dia.file('died.h5'), 1000));
    await dia.client.start();
    process.kill(writerPid(), 'SIGKILL');
    const status = await until(
      () => dia.client.status(),
      ({ status: word }) => word === 'IntegrationStatus.ERROR',
      10_000,
    );
    expect(JSON.stringify(status)).to.contain('SIGKILL');
  });
});
