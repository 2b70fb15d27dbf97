import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { packagedDeploymentsFolder } from '../../src/config/findDeployment.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { type RunningService, serve } from '../../src/serve.js';
import { until } from '../support/calls.js';
import { FakeFrameProcessor } from '../support/fakeFrameProcessor.js';
import type { acquisition } from '../support/integration.js';
import { OdinFrames } from '../support/odinFrames.js';
import { requirePython } from '../support/pythonTools.js';
import { type EigerSimulator, startAlbaEiger } from '../support/simplonSimulators.js';
import { readDataset } from '../support/writerFile.js';

const ROWS = 16;
const COLUMNS = 32;

/** The packaged folder itself, with ALBA's simulator for the detector and a stand-in for odin-data behind its stream. */
describe('the deployment odin', function () {
  this.timeout(60_000);
  let folder: string;
  let device: EigerSimulator;
  let processor: FakeFrameProcessor;
  let frames: OdinFrames;
  let service: RunningService;
  let client: DiaClient;
  let quickStart: ReturnType<typeof acquisition>;

  before(async function () {
    const python = requirePython(this);
    const readme = join(packagedDeploymentsFolder(), 'odin', 'README.md');
    quickStart = JSON.parse(/-d '(.*?)'/s.exec(await readFile(readme, 'utf8'))?.[1] ?? '');
    folder = await mkdtemp(join(tmpdir(), 'dia-odin-'));
    await mkdir(join(folder, 'data'));
    device = await startAlbaEiger(python, { rows: ROWS, columns: COLUMNS, frames: 10 });
    processor = await FakeFrameProcessor.open(11);
    frames = await OdinFrames.open(processor, device.legacyStream);
    service = await serve({
      deployment: 'odin',
      flags: { port: 0 },
      env: {
        DIA_DATA_DIR: join(folder, 'data'),
        ODIN_DETECTOR_URL: device.url,
        ODIN_FRAME_PROCESSOR: processor.endpoint,
      },
      quiet: true,
    });
    client = new DiaClient(service.url);
  });
  after(async () => {
    await service?.close();
    frames?.close();
    processor?.close();
    await device?.end();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });
  beforeEach(() => client.reset());

  const file = (name: string) => join(folder, 'data', name);

  /** The quick start of the README, with fewer frames. */
  function config(name: string, count: number, detector: object = {}) {
    return {
      writer: { ...quickStart.writer, output_file: name, n_frames: count },
      backend: { ...quickStart.backend, n_frames: count },
      detector: { ...quickStart.detector, period: 0.02, frames: count, ...detector },
    };
  }

  it('has odin-data write every image, under the next free name, run after run', async () => {
    writeFileSync(file('run.h5'), 'precious');
    for (const [count, name] of [
      [10, 'run_001.h5'],
      [5, 'run_002.h5'],
    ] as const) {
      await client.reset();
      await client.setConfig(config('run.h5', count));
      expect((await client.start()).file).to.equal(file(name));
      await client.waitForStatus('FINISHED', { timeoutMs: 20_000 });
      expect(await verifyFile(file(name))).to.deep.include({
        ...{ layout: 'generic', framesWritten: count, shape: [ROWS, COLUMNS], dtype: 'uint16' },
      });
      const pixels = (await readDataset(file(name), 'data')) as Uint16Array;
      const first = Array.from({ length: count }, (_, number) => pixels[number * ROWS * COLUMNS]);
      expect(first).to.deep.equal([...Array(count).keys()]);
    }
    expect(await readFile(file('run.h5'), 'utf8')).to.equal('precious');
    expect((await client.statusDetails()).details).to.deep.equal({
      ...{ writer: 'finished', backend: 'STATELESS', detector: 'idle' },
    });
  });

  it('ends a run in the middle with the detector disarmed and the file closed', async () => {
    await client.setConfig(config('stopped.h5', 10_000, { period: 0.01, exptime: 0.005 }));
    await client.start();
    await until(
      () => client.status(),
      ({ progress }) => Number((progress as { written_frames?: number } | null)?.written_frames) > 1,
    );
    await client.stop();
    expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    expect(processor.writing).to.equal(false);
    expect((await verifyFile(file('stopped.h5'))).framesWritten).to.be.within(1, 9_999);
  });

  it('is an error in the words of odin-data, and good again after a reset', async () => {
    await client.setConfig(config('failing.h5', 10_000, { period: 0.01, exptime: 0.005 }));
    await client.start();
    processor.errors.push('Timed out waiting for frames, stopping writing');
    const { details } = await until(
      () => client.status(),
      ({ status }) => status === 'IntegrationStatus.ERROR',
    );
    expect(String(details)).to.contain('Timed out waiting for frames, stopping writing');
    await client.reset();
    expect(processor.errors).to.deep.equal([]);
    expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('refuses a config before odin-data hears of it', async () => {
    processor.messages.length = 0;
    const wrong = config('refused.h5', 10);
    wrong.backend.n_frames = 9;
    const refusal = await client.setConfig(wrong).then(
      () => '',
      ({ message }: Error) => message,
    );
    expect(refusal).to.contain("detector 'frames' set to '10'");
    expect(processor.messages.map(({ msg_val }) => msg_val)).not.to.include('configure');
    expect(existsSync(file('refused.h5'))).to.equal(false);
  });
});
