import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure } from '../support/calls.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

describe('the vocabulary ready', function () {
  this.timeout(30_000);
  let dia: TestIntegration;
  before(async () => {
    dia = await boot({ settings: { vocabulary: 'ready' } });
  });
  after(() => dia?.close());
  beforeEach(() => dia.client.reset());

  /** Calls to components, in order, as the audit trail has them. */
  async function calls(): Promise<string[]> {
    const lines = (await readFile(join(dia.folder, 'data', '.dia', 'audit.log'), 'utf8')).trim().split('\n');
    return lines
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === 'call')
      .map(({ what }) => what);
  }

  async function ready(): Promise<void> {
    for await (const { data } of dia.client.events({ signal: AbortSignal.timeout(10_000) })) {
      if (data.status === 'IntegrationStatus.READY') return;
    }
    expect.fail('never READY');
  }

  it('is READY at first, RUNNING after start with the config, and READY again with the file on disk', async () => {
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.READY' });
    const started = await dia.client.start({ sections: acquisition('first.h5', 20) });
    expect(started).to.include({ status: 'IntegrationStatus.RUNNING', file: dia.file('first.h5') });
    await ready();
    expect((await verifyFile(dia.file('first.h5'))).framesWritten).to.equal(20);
  });

  it('does not start without a config', async () => {
    const error = await failure(dia.client.start());
    expect(error.message).to.equal('Cannot start acquisition without providing the configuration');
    expect(error.httpStatus).to.equal(400);
  });

  it('starts again without a reset, and tells only the writer when only its file changed', async () => {
    await dia.client.start({ sections: acquisition('one.h5', 5) });
    await ready();
    const before = (await calls()).length;
    await dia.client.start({ sections: acquisition('two.h5', 5) });
    await ready();
    const made = (await calls()).slice(before);
    expect(made).to.include.members(['writer.configure', 'writer.start', 'detector.start']);
    expect(made).not.to.include.members(['detector.configure']);
    expect(made.filter((call) => /^(detector|backend)\.(configure|reset)$/.test(call))).to.deep.equal([]);
    expect((await verifyFile(dia.file('two.h5'))).framesWritten).to.equal(5);
  });

  it('configures the detector again when its section changed', async () => {
    await dia.client.start({ sections: acquisition('three.h5', 5) });
    await ready();
    const before = (await calls()).length;
    await dia.client.start({ sections: acquisition('four.h5', 6) });
    await ready();
    expect((await calls()).slice(before)).to.include.members(['detector.configure', 'backend.configure']);
    expect((await verifyFile(dia.file('four.h5'))).framesWritten).to.equal(6);
  });

  it('refuses to start while running', async () => {
    await dia.client.start({ sections: acquisition('long.h5', 10_000, 0.02) });
    const error = await failure(dia.client.start({ sections: acquisition('other.h5', 5) }));
    expect(error.message).to.equal(
      'Cannot start acquisition in IntegrationStatus.RUNNING state. Please reset first.',
    );
  });
});

describe('a deployment that refuses to reset while running', function () {
  this.timeout(30_000);

  it('waits for the backend to finish, but kills', async () => {
    const dia = await boot({ settings: { resetWhileRunning: false } });
    try {
      await dia.client.setConfig(acquisition('long.h5', 10_000, 0.02));
      await dia.client.start();
      const error = await failure(dia.client.reset());
      expect(error.message).to.equal(
        'Cannot reset acquisition in IntegrationStatus.RUNNING state. Please wait for backend to finish.',
      );
      expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.RUNNING' });
      expect(await dia.client.kill()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    } finally {
      await dia.close();
    }
  });
});
