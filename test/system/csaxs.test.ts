import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { DiaClient, type DiaClientError } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { type RunningService, serve } from '../../src/serve.js';
import { simulatedDeployment } from '../support/integration.js';

const PACKAGED = fileURLToPath(new URL('../../../deployments/csaxs-eiger9m/', import.meta.url));

/** The example that the beamline's users know. */
const example = (outputFile: string) => ({
  backend: { bit_depth: 32, preview_modulo: 10 },
  detector: { dr: 32, frames: 100, period: 0.04, exptime: 0.001, timing: 'auto', cycles: 1 },
  writer: { n_frames: 100, output_file: outputFile, user_id: 11057 },
});

/** The packaged deployment as it is, with a simulated detector and a simulated backend at the other end. */
describe('the deployment csaxs-eiger9m', function () {
  this.timeout(60_000);
  let folder: string;
  let service: RunningService;
  let client: DiaClient;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-csaxs-'));
    const settings = parse(await readFile(join(PACKAGED, 'deployment.yaml'), 'utf8'));
    const simulated = simulatedDeployment('32x64');
    const own = simulated.pipelines[0] ?? expect.fail('no pipeline');
    const [pipeline] = settings.pipelines;
    pipeline.detector = own.detector;
    pipeline.backend.options.url = own.backend.options.url;
    pipeline.writer.options.streamAddress = `\${services.backend.frames}`;
    const services = simulated.services.filter(({ name }) => name !== 'writer');
    await writeFile(join(folder, 'deployment.yaml'), stringify({ ...settings, services }));
    await copyFile(join(PACKAGED, 'config.schema.json'), join(folder, 'config.schema.json'));
    service = await serve({
      deployment: folder,
      flags: { port: 0, host: '127.0.0.1' },
      env: { DIA_DATA_DIR: join(folder, 'data') },
      quiet: true,
    });
    client = new DiaClient(service.url);
  });

  after(async () => {
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function ready(): Promise<void> {
    for await (const { data } of client.events({ signal: AbortSignal.timeout(20_000) })) {
      if (data.status === 'IntegrationStatus.READY') return;
    }
    expect.fail('never READY');
  }

  async function calls(): Promise<string[]> {
    const lines = (await readFile(join(folder, 'data', '.dia', 'audit.log'), 'utf8')).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).flatMap(({ kind, what }) => (kind === 'call' ? [what] : []));
  }

  it('runs the example, and a second start with another file configures neither backend nor detector', async () => {
    const first = join(folder, 'data', 'daq_test_32b_100f.h5');
    expect(await client.start({ sections: example(first) })).to.include({
      status: 'IntegrationStatus.RUNNING',
      file: first,
    });
    await ready();
    expect(await verifyFile(first)).to.include({
      ...{ framesWritten: 100, dtype: 'uint32', complete: true, layout: 'csaxs' },
    });

    const before = (await calls()).length;
    const second = join(folder, 'data', 'daq_test_32b_100f_2.h5');
    await client.start({ sections: example(second) });
    await ready();
    expect(await verifyFile(second)).to.include({ framesWritten: 100, complete: true });
    const made = (await calls()).slice(before);
    expect(made).to.include('writer.configure').and.to.include('detector.start');
    expect(made.filter((call) => /^(detector|backend)\.(configure|reset)$/.test(call))).to.deep.equal([]);
  });

  it('sets the threshold energy', async () => {
    const answer = await fetch(`${service.url}/api/v1/threshold`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ energy: 6200 }),
    });
    expect(await answer.json()).to.deep.equal({
      state: 'ok',
      status: 'IntegrationStatus.READY',
      value: 6200,
    });
    expect(await client.detectorValue('threshold')).to.equal(6200);
  });

  for (const [title, change, text] of [
    ['frames that do not fit', { detector: { frames: 99 } }, "detector 'frames' set to '99'"],
    ['an unknown timing', { detector: { timing: 'sometimes' } }, 'timing'],
    ['a backend that counts', { backend: { n_frames: 100 } }, 'n_frames'],
    [
      'a user out of range',
      { writer: { user_id: 10 } },
      'Provided user_id 10 outside of specified range [10000-29999].',
    ],
  ] as const) {
    it(`refuses ${title}`, async () => {
      const config = example(join(folder, 'data', 'refused.h5'));
      const sections = Object.fromEntries(
        Object.entries(config).map(([name, section]) => [
          name,
          { ...section, ...(change as Record<string, object>)[name] },
        ]),
      );
      const error = await client.start({ sections }).then(
        () => expect.fail('should have been refused'),
        (failure: DiaClientError) => failure,
      );
      expect(error.httpStatus).to.equal(400);
      expect(error.message).to.include(text);
      expect(await client.status()).to.include({ status: 'IntegrationStatus.READY' });
    });
  }
});
