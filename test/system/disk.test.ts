import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure } from '../support/calls.js';
import {
  acquisition,
  boot,
  simulatedDeployment,
  type TestIntegration,
  untilWritten,
} from '../support/integration.js';
import { mount, unmount } from '../support/mounts.js';
import { Processes } from '../support/processes.js';
import { requirePython } from '../support/pythonTools.js';

const run = promisify(execFile);

const READ = `
import h5py, json, sys
with h5py.File(sys.argv[1], "r") as file:
    detector = file["entry/instrument/detector"]
    numbers = [int(number) for number in detector["frame_number"][:]]
    sums = [int(frame.sum()) for frame in detector["data"][: len(numbers)]]
    print(json.dumps({"numbers": numbers, "empty": sums.count(0)}))
`;

describe('the disk', function () {
  this.timeout(60_000);
  const processes = new Processes();
  const mounts: string[] = [];
  let dia: TestIntegration;

  afterEach(async () => {
    await dia?.close();
    for (const folder of mounts.splice(0)) await unmount(folder);
    await processes.end();
  });

  /** An integration whose data root `disk` is a file system of its own. */
  async function bootOn(context: Context, mountArgs: readonly string[]): Promise<string> {
    const disk = await processes.folder();
    await mount(context, [...mountArgs, disk]);
    mounts.push(disk);
    dia = await boot({ shape: '256x512', settings: { paths: { roots: [disk] } } });
    return disk;
  }

  /** Waits for an error that says this. */
  async function untilDetails(text: RegExp): Promise<string> {
    for await (const { data } of dia.client.events({ signal: AbortSignal.timeout(10_000) })) {
      if (text.test(String(data.details ?? ''))) return String(data.details);
    }
    return expect.fail(`no error that says ${text}`);
  }

  async function untilDetector(word: string): Promise<void> {
    const deadline = performance.now() + 10_000;
    let last: unknown;
    while (performance.now() < deadline) {
      last = (await dia.client.statusDetails()).details.detector;
      if (last === word) return;
    }
    expect.fail(`the detector is ${last}, not ${word}`);
  }

  async function resetAndRun(file: string): Promise<void> {
    expect(await dia.client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    await dia.client.setConfig(acquisition(file, 3));
    await dia.client.start();
    await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
  }

  it('has to have room for all frames before anything is configured: 507 with both numbers', async () => {
    const { pipelines, limits, ...settings } = simulatedDeployment('32x64');
    const [pipeline] = pipelines as object[];
    const image = { rows: 100_000, columns: 1_000 };
    dia = await boot({ settings: { ...settings, pipelines: [{ ...pipeline, image }], limits } });
    const config = acquisition('sub/huge.h5', 100_000_000);
    const frameBytes = 200_000_000;
    const refused = await failure(dia.client.setConfig(config));
    expect(refused).to.include({ code: 'no_space', httpStatus: 507 });
    expect(refused.message).to.include(`${100_000_000 * frameBytes} bytes`);
    expect(refused.message).to.include(dia.file('sub/huge.h5'));
    expect(refused.message).to.match(/but \d+ bytes are free in/);
    expect((await failure(dia.client.start({ sections: config }))).code).to.equal('no_space');
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    expect((await dia.client.statusDetails()).details).to.include({
      writer: 'stopped',
      backend: 'INITIALIZED',
    });
    // Nothing is left behind, and what fits is taken.
    expect(await statfs(dia.file('sub')).catch(({ code }) => code)).to.equal('ENOENT');
    await dia.client.setConfig(acquisition('fits.h5', 1));
  });

  it('that is full ends the run in ERROR no_space; the file is kept, and reset works once there is room', async function () {
    const disk = await bootOn(this, ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs']);
    const file = join(disk, 'full.h5');
    await dia.client.setConfig(acquisition(file, 200));
    await dia.client.start();
    const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 20_000 }));
    expect(error.code).to.equal('no_space');
    expect(error.message).to.match(/The writer failed .*no space left on device\.$/);
    expect(error.message).to.include(file);
    await untilDetector('idle');
    expect((await processes.run(['verify', '--repair', file])).stdout).to.include('of 200 frames');
    expect((await verifyFile(file)).framesWritten).to.be.greaterThan(3);
    await rm(file);
    await resetAndRun(join(disk, 'after.h5'));
  });

  it('that is read-only fails the start, names the file, and nothing else is harmed', async function () {
    const disk = await bootOn(this, ['-t', 'tmpfs', '-o', 'ro', 'tmpfs']);
    const file = join(disk, 'sub/none.h5');
    await dia.client.setConfig(acquisition(file, 5));
    const error = await failure(dia.client.start());
    expect(error.message)
      .to.match(/none\.h5|EROFS/)
      .and.to.include(disk);
    expect(error.message, error.message).to.include('EROFS');
    await untilDetector('idle');
    await mount(this, ['-o', 'remount,rw', disk]);
    await resetAndRun(file);
  });

  it('that loses the folder during a run ends the run in ERROR, and says so', async () => {
    dia = await boot();
    await dia.client.setConfig(acquisition('gone/run.h5', 10_000, 0.01));
    await dia.client.start();
    await untilWritten(dia.client, 3);
    await rm(dia.file('gone'), { recursive: true });
    const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 }));
    expect(error.message).to.include(dia.file('gone/run.h5'));
    await untilDetector('idle');
    await resetAndRun('gone/run.h5');
  });

  it('keeps what a killed writer had flushed: the error counts the frames, and --repair opens the file', async function () {
    const python = requirePython(this);
    dia = await boot();
    const file = dia.file('killed.h5');
    await dia.client.setConfig(acquisition(file, 10_000, 0.002));
    await dia.client.start();
    await untilWritten(dia.client, 300);
    const { writer } = JSON.parse(await readFile(join(dia.folder, 'data', '.dia', 'services.json'), 'utf8'));
    const refused = await processes.run(['verify', '--repair', file]);
    expect(refused.code).to.equal(5);
    expect(refused.stderr).to.include('is not repaired').and.to.include(String(writer));
    process.kill(writer, 'SIGKILL');
    const killedAt = performance.now();
    const details = await untilDetails(/ (\d+) of 10000 frames/);
    expect(performance.now() - killedAt).to.be.lessThan(2_000);
    const counted = Number(/ (\d+) of 10000 frames/.exec(details)?.[1]);
    expect(details).to.include(file);
    expect(counted, details).to.be.at.least(240);
    await expectNotToOpen(python, file);
    // Written just now, and not everybody who may have it open can be seen: a minute is to pass.
    await utimes(file, new Date(0), new Date(0));
    const repaired = await processes.run(['verify', '--repair', file]);
    expect(repaired.stdout)
      .to.include('marked as being written, with readers')
      .and.to.include('of 10000 frames');
    const { stdout } = await run(python, ['-c', READ, file]);
    const { numbers, empty } = JSON.parse(stdout) as { numbers: number[]; empty: number };
    // 100 ms of frames, and what the last look had not seen.
    expect(numbers.length).to.be.at.least(counted - 60);
    expect(numbers).to.deep.equal(numbers.map((_, index) => index));
    expect(empty).to.equal(0);
    expect((await processes.run(['verify', '--repair', file])).stdout).to.include('nothing to repair');
  });

  it('that fills up after the config was applied refuses the start', async function () {
    const disk = await processes.folder();
    await mount(this, ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
    mounts.push(disk);
    const { pipelines, limits, ...settings } = simulatedDeployment('256x512');
    const [pipeline] = pipelines as object[];
    const image = { rows: 256, columns: 512 };
    dia = await boot({
      settings: {
        ...settings,
        paths: { roots: [disk] },
        pipelines: [{ ...pipeline, image }],
        limits: { ...(limits as object), minimumFreeBytes: 1_000_000 },
      },
    });
    await mkdir(join(disk, 'sub'));
    await dia.client.setConfig(acquisition(join(disk, 'sub/run.h5'), 20));
    await writeFile(join(disk, 'other'), Buffer.alloc(4_000_000));
    const refused = await failure(dia.client.start());
    expect(refused).to.include({ code: 'no_space', httpStatus: 507 });
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.CONFIGURED' });
    await rm(join(disk, 'other'));
    await dia.client.start();
    await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
  });
});

async function expectNotToOpen(python: string, file: string): Promise<void> {
  const outcome = await run(python, ['-c', READ, file]).then(
    () => 'opened',
    ({ stderr }) => String(stderr),
  );
  expect(outcome).to.match(/already open for/);
}
