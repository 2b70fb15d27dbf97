import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure } from '../support/calls.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

/** One frame at once, and the next after a minute. */
const slow = (name: string) => {
  const config = acquisition(name, 3, 60);
  return { ...config, detector: { ...config.detector, exptime: 0.001 } };
};
const triggered = (name: string) => {
  const config = acquisition(name, 3, 0.001);
  return { ...config, detector: { ...config.detector, timing: 'trigger', cycles: 1 } };
};

describe('an acquisition in which no frame comes', function () {
  this.timeout(30_000);
  let dia: TestIntegration | null = null;
  afterEach(async () => {
    await dia?.close();
    dia = null;
  });

  async function untilDetails({ client }: TestIntegration, text: string): Promise<string> {
    for await (const { data } of client.events({ signal: AbortSignal.timeout(10_000) })) {
      if (String(data.details ?? '').includes(text)) return String(data.status);
    }
    return expect.fail(`never told: ${text}`);
  }

  it('is reported, and goes on', async () => {
    dia = await boot({ settings: { stall: { timeoutMs: 300 } } });
    await dia.client.setConfig(slow('reported.h5'));
    await dia.client.start();
    expect(await untilDetails(dia, 'The acquisition has stalled')).to.equal('IntegrationStatus.RUNNING');
    expect((await dia.client.status()).details).to.include('no new frame for more than 0.3 s');
  });

  it('ends in ERROR when the deployment says so', async () => {
    dia = await boot({ settings: { stall: { timeoutMs: 300, action: 'error' } } });
    await dia.client.setConfig(slow('ended.h5'));
    await dia.client.start();
    const error = await failure(dia.client.waitForStatus('FINISHED'));
    expect(error.code).to.equal('stalled');
    await dia.client.reset();
    expect(await verifyFile(dia.file('ended.h5'))).to.include({ framesWritten: 1, complete: false });
  });

  it('waits for its trigger', async () => {
    dia = await boot({ settings: { stall: { timeoutMs: 100, action: 'error' } } });
    await dia.client.setConfig(triggered('waiting.h5'));
    await dia.client.start();
    // Longer than many stall timeouts; the poll of the events shows that nothing changed meanwhile.
    const changes = dia.client.events({ signal: AbortSignal.timeout(1_000) });
    for await (const { type, data } of changes) {
      if (type === 'state') expect(data.status).to.equal('IntegrationStatus.RUNNING');
    }
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.RUNNING' });
  });
});
