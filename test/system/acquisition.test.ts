import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import h5wasm from 'h5wasm/node';
import { verifyFile } from '../../src/files/verifyFile.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

const DATA = '/entry/instrument/detector/data';

/** Pixel [0, 0] of every frame, which the simulated detector sets to the frame's number. */
async function firstPixels(path: string): Promise<number[]> {
  await h5wasm.ready;
  const file = new h5wasm.File(path, 'r');
  try {
    const data = file.get(DATA) as InstanceType<typeof h5wasm.Dataset>;
    return [...(data.slice([[], [0, 1], [0, 1]]) as Uint16Array)];
  } finally {
    file.close();
  }
}

const count = (frames: number) => Array.from({ length: frames }, (_, frame) => frame);

describe('an acquisition on the simulation', function () {
  this.timeout(30_000);
  let dia: TestIntegration;
  before(async () => {
    dia = await boot();
  });
  after(() => dia?.close());
  beforeEach(() => dia.client.reset());

  it('goes from configured to finished and leaves every frame in the file', async () => {
    const { client } = dia;
    const config = acquisition(dia.file('whole.h5'), 20);
    const configured = await client.setConfig(config);
    expect(configured).to.include({ state: 'ok', status: 'IntegrationStatus.CONFIGURED' });
    expect(configured.config).to.deep.equal(config);

    const started = await client.start();
    expect(started).to.include({ status: 'IntegrationStatus.RUNNING', file: dia.file('whole.h5') });
    await client.waitForStatus('FINISHED', { timeoutMs: 10_000 });

    expect(await firstPixels(dia.file('whole.h5'))).to.deep.equal(count(20));
    const facts = await verifyFile(dia.file('whole.h5'));
    expect(facts).to.include({
      complete: true,
      framesWritten: 20,
      framesExpected: 20,
      framesLost: 0,
      dtype: 'uint16',
    });
    expect(facts.shape).to.deep.equal([32, 64]);
    expect(await client.status()).to.include({ file: dia.file('whole.h5') });
  });

  it('tells every state it goes through, in order', async () => {
    const { client } = dia;
    const seen: string[] = [];
    const abort = new AbortController();
    const listening = (async () => {
      for await (const { type, data } of client.events({ signal: abort.signal })) {
        if (type === 'state') seen.push(`${data.status}`.replace('IntegrationStatus.', ''));
        if (data.status === 'IntegrationStatus.FINISHED' && type === 'state') return;
      }
    })();
    // The stream begins with a snapshot; only then are later events certain to be seen.
    await client.setConfig(acquisition('states.h5', 30));
    await client.start();
    await listening;
    abort.abort();
    const inOrder = ['RUNNING', 'DETECTOR_STOPPED', 'FINISHED'];
    expect(
      seen.filter((status, index) => inOrder.includes(status) && seen[index - 1] !== status),
    ).to.deep.equal(inOrder);
  });

  it('repeats with configure, and with an update of one field', async () => {
    const { client } = dia;
    await client.setConfig(acquisition('again.h5', 3));
    await client.start();
    await client.waitForStatus('FINISHED');
    expect(await client.stop()).to.include({ status: 'IntegrationStatus.INITIALIZED' });

    await client.reapplyConfig();
    expect(await client.start()).to.include({ file: dia.file('again_001.h5') });
    await client.waitForStatus('FINISHED');
    await client.stop();

    const { config } = await client.updateConfig({ writer: { output_file: 'other.h5' }, backend: null });
    expect(config).to.deep.equal(acquisition('other.h5', 3));
    expect(await client.start()).to.include({ file: dia.file('other.h5') });
    await client.waitForStatus('FINISHED');
  });

  it('configures and starts in one call when start brings the config', async () => {
    const { client } = dia;
    const started = await client.start({ sections: acquisition('at-once.h5', 3) });
    expect(started).to.include({ file: dia.file('at-once.h5') });
    // On a busy machine the detector may have ended its three frames by then.
    expect(started.status).to.match(/^IntegrationStatus\.(RUNNING|DETECTOR_STOPPED)$/);
    await client.waitForStatus('FINISHED');
    expect((await verifyFile(dia.file('at-once.h5'))).framesWritten).to.equal(3);
  });

  for (const bitDepth of [8, 32]) {
    it(`writes ${bitDepth} bit frames as they are`, async () => {
      const { client } = dia;
      await client.setConfig(acquisition(`depth-${bitDepth}.h5`, 4, 0.002, bitDepth));
      await client.start();
      await client.waitForStatus('FINISHED');
      expect(await firstPixels(dia.file(`depth-${bitDepth}.h5`))).to.deep.equal(count(4));
      expect((await verifyFile(dia.file(`depth-${bitDepth}.h5`))).dtype).to.equal(`uint${bitDepth}`);
    });
  }

  it('refuses 0 frames, which the simulated detector cannot expose, and names the field', async () => {
    const { client } = dia;
    const config = acquisition('open-end.h5', 0);
    await client
      .setConfig({
        ...config,
        backend: { ...config.backend, n_frames: 0 },
        detector: { ...config.detector, frames: 0 },
      })
      .then(
        () => expect.fail('a detector cannot expose 0 frames'),
        (error: Error) => expect(error.message).to.include('frames'),
      );
  });

  it('answers the metrics of all components by the names that monitoring knows', async () => {
    const { client } = dia;
    await client.setConfig(acquisition('metrics.h5', 5));
    await client.start();
    await client.waitForStatus('FINISHED');
    const { metrics } = await client.metrics();
    expect(metrics).to.have.keys('writer', 'backend', 'detector');
    expect(metrics.writer).to.include({
      n_received_frames: 5,
      n_written_frames: 5,
      n_lost_frames: 0,
      total_expected_frames: 5,
      status: 'finished',
    });
    expect(metrics.backend).to.include({ received_frames: 5, sent_frames: 5 });
  });
});

describe('a hundred acquisitions back to back', function () {
  this.timeout(120_000);

  it('end with a hundred complete files, and leave no handle or process behind', async () => {
    const dia = await boot();
    try {
      const acquire = async (name: string) => {
        await dia.client.setConfig(acquisition(name, 10, 0.001));
        await dia.client.start();
        await dia.client.waitForStatus('FINISHED');
        await dia.client.stop();
      };
      for (let run = 0; run < 10; run++) await acquire(`warm-up-${run}.h5`);
      const before = await usage(dia);
      for (let run = 0; run < 100; run++) await acquire(`run-${run}.h5`);
      const after = await usage(dia);
      for (let run = 0; run < 100; run++) {
        const facts = await verifyFile(dia.file(`run-${run}.h5`));
        expect(facts, `run ${run}`).to.include({ complete: true, framesWritten: 10, framesLost: 0 });
      }
      expect(Object.keys(after)).to.deep.equal(Object.keys(before));
      for (const [pid, handles] of Object.entries(after)) {
        // Connections that are just being made or closed come and go; a hundred runs would show any leak.
        expect(handles, `file handles of ${pid}`).to.be.at.most((before[pid] ?? 0) + 8);
      }
    } finally {
      await dia.close();
    }
  });
});

/** Open file handles (files, sockets, pipes) of this process and of every service, by process id. */
async function usage({ folder }: TestIntegration): Promise<Record<string, number>> {
  const services: Record<string, number> = JSON.parse(
    await readFile(join(folder, 'data', '.dia', 'services.json'), 'utf8'),
  );
  const pids = [process.pid, ...Object.values(services)];
  return Object.fromEntries(
    await Promise.all(pids.map(async (pid) => [pid, (await readdir(`/proc/${pid}/fd`)).length] as const)),
  );
}
