import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { packagedDeploymentsFolder } from '../../src/config/findDeployment.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { type RunningService, serve } from '../../src/serve.js';
import { failure, until } from '../support/calls.js';
import type { acquisition } from '../support/integration.js';
import { requirePython } from '../support/pythonTools.js';
import { SwissfelSite } from '../support/swissfelSite.js';

const DETECTORS = ['JF01', 'JF02', 'JF03', 'JF04'];
const START_CODE = 254;
const STOP_CODE = 255;
const READ_LAYOUT = fileURLToPath(new URL('../../../test/support/readLayout.py', import.meta.url));

type Config = ReturnType<typeof acquisition> & { bsread: Record<string, string | number> };

/** The packaged folder itself, with another site's list of detectors and addresses. */
describe('the deployment swissfel-jungfrau', function () {
  this.timeout(60_000);
  let python: string;
  let site: SwissfelSite;
  let service: RunningService;
  let client: DiaClient;
  let quickStart: Config;

  before(async function () {
    python = requirePython(this);
    const readme = join(packagedDeploymentsFolder(), 'swissfel-jungfrau', 'README.md');
    quickStart = JSON.parse(/-d '(.*?)'/s.exec(await readFile(readme, 'utf8'))?.[1] ?? '');
    site = await SwissfelSite.open(python);
    service = await serve({
      deployment: 'swissfel-jungfrau',
      flags: { port: 0 },
      env: site.env,
      quiet: true,
    });
    client = new DiaClient(service.url);
  });
  after(async () => {
    await service?.close();
    await site?.close();
  });
  beforeEach(async () => {
    await client.kill();
    site.timing.length = 0;
  });

  /** The quick start of the README, fired by the timing system. */
  function config(name: string, frames = 10, detector: object = {}): Config {
    return {
      writer: { ...quickStart.writer, n_frames: frames, output_file: name },
      backend: { ...quickStart.backend, n_frames: frames },
      detector: { ...quickStart.detector, cycles: frames, timing: 'trigger', period: 0.005, ...detector },
      bsread: { ...quickStart.bsread, output_file: name },
    } as Config;
  }

  const file = (name: string) => join(site.folder, 'data', name);
  /** What was called, in the order in which it was done. */
  async function calls(): Promise<string[]> {
    const lines = (await readFile(file('.dia/audit.log'), 'utf8')).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).flatMap(({ kind, what }) => (kind === 'call' ? [what] : []));
  }
  const codes = () => site.timing.map(({ code }) => code);
  const status = async () => (await client.status()).status.replace('IntegrationStatus.', '');
  it('takes the frames of all detectors, fires them last of all, and waits for bsread', async () => {
    const wanted = config('run.h5');
    Object.assign(wanted.backend, { pede_corrections_filename: '/pede', gain_corrections_filename: '/gain' });
    await client.setConfig(wanted);
    await client.start();
    await client.waitForStatus('BSREAD_STILL_RUNNING', { timeoutMs: 20_000 });
    expect(codes()).to.deep.equal([START_CODE]);
    const started = site.timing[0]?.before.filter((call) => call.endsWith('start')) ?? [];
    expect(started).to.have.members(['put start', 'put 1-start', 'put 2-start', 'put 3-start']);
    expect((await client.statusDetails()).details).to.deep.include({
      JF03: { writer: 'stopped', backend: 'OPEN', detector: 'idle' },
      bsread: 'receiving',
    });
    site.broker.stopPulse();
    await client.waitForStatus('FINISHED', { timeoutMs: 20_000 });

    for (const name of DETECTORS) {
      expect(await verifyFile(file(`run.h5.${name}.h5`)), name).to.include({
        ...{ layout: 'swissfel', complete: true, framesWritten: 10, dtype: 'uint16' },
      });
      expect(site.backends.get(name)?.settings.at(-1)).to.include({
        pede_corrections_filename: `/pede.${name}.res.h5`,
        gain_corrections_filename: `/gain/${name}/gains.h5`,
      });
    }
    expect(site.broker.requests).to.deep.equal([file('run.h5.BSREAD.h5')]);
    const args = [READ_LAYOUT, file('run.h5.JF02.h5'), 'general', 'data'];
    const seen = JSON.parse(execFileSync(python, args, { encoding: 'utf8' }));
    expect(seen['data/JF02/data']).to.deep.include({
      shape: [10, 16, 32],
      value: [...Array(10).keys()],
    });
    expect(seen['general/user'].value).to.equal('p11057');
    expect(seen['general/detector_name'].value).to.equal('JF02');
    expect(seen['general/n_bad_modules'].value).to.equal(1);
  });

  it('gives one detector what it has to have differently, and leaves a disabled one out', async () => {
    await client.setClientConfiguration({ JF02: { detector: { exptime: 0.002 } } });
    await client.setClientsEnabled({ JF04: false });
    try {
      await client.setConfig(config('some.h5', 5));
      await client.start();
      await client.waitForStatus('BSREAD_STILL_RUNNING', { timeoutMs: 20_000 });
      site.broker.stopPulse();
      await client.waitForStatus('FINISHED', { timeoutMs: 20_000 });
      expect(await client.detectorValue('exptime')).to.include({ JF01: 0.001, JF02: 0.002, JF03: 0.001 });
      expect((await verifyFile(file('some.h5.JF03.h5'))).framesWritten).to.equal(5);
      expect(existsSync(file('some.h5.JF04.h5'))).to.equal(false);
    } finally {
      await client.clearClientConfiguration('JF02');
      await client.setClientsEnabled({ JF04: true });
    }
  });

  it('refuses a reset while frames are taken, and stops the timing first', async () => {
    await client.setConfig(config('stopped.h5', 10_000));
    await client.start();
    const refused = await failure(client.reset());
    expect(refused.message).to.match(/^Cannot reset acquisition in .*RUNNING state/);
    expect(await status()).to.equal('RUNNING');
    const before = (await calls()).length;
    await client.stop();
    expect(await status()).to.equal('INITIALIZED');
    await until(codes, (written) => written.includes(STOP_CODE));
    // The log is written behind our back.
    const made = await until(
      async () => (await calls()).slice(before),
      (some) => some.includes('bsread.stop'),
    );
    expect(made.filter((call) => call.endsWith('.stop'))[0]).to.equal('trigger.stop');
  });

  it('refuses what the beamline does not take', async () => {
    const { bsread: _, ...incomplete } = config('refused.h5');
    expect((await failure(client.setConfig(incomplete))).message).to.contain('4 root elements');
    const wrong = config('refused.h5');
    wrong.backend.n_frames = 9;
    expect((await failure(client.setConfig(wrong))).message).to.contain("detector 'cycles' set to '10'");
    expect(await status()).to.equal('INITIALIZED');
  });

  it('keeps nothing under /dev/null, and counts all the same', async () => {
    await client.setConfig(config('/dev/null'));
    expect((await client.start()).file).to.equal('/dev/null');
    await client.waitForStatus('BSREAD_STILL_RUNNING', { timeoutMs: 20_000 });
    site.broker.stopPulse();
    await client.waitForStatus('FINISHED', { timeoutMs: 20_000 });
    expect((await client.status()).progress).to.include({ written_frames: 40, expected_frames: 40 });
    expect(site.broker.requests.at(-1)).to.equal('/dev/null');
  });
});
