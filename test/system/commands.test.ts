import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure } from '../support/calls.js';
import { acquisition, boot, type TestIntegration, untilWritten } from '../support/integration.js';

describe('commands in the wrong state, and commands that cross', function () {
  this.timeout(30_000);
  let dia: TestIntegration;
  before(async () => {
    dia = await boot();
  });
  after(() => dia?.close());
  beforeEach(() => dia.client.reset());

  /** Starts a run that would take minutes. */
  async function longRun(name: string): Promise<void> {
    await dia.client.setConfig(acquisition(name, 10_000, 0.02));
    await dia.client.start();
  }

  it('answers 409 to start before configure, with the text that clients match', async () => {
    const error = await failure(dia.client.start());
    expect(error.message).to.equal(
      'Cannot start acquisition in IntegrationStatus.INITIALIZED state. Please configure first.',
    );
    expect(error).to.include({ httpStatus: 409, code: 'wrong_state' });
  });

  it('answers 409 to configure and start while running, and the run goes on', async () => {
    await longRun('undisturbed.h5');
    const configured = await failure(dia.client.setConfig(acquisition('other.h5', 3)));
    expect(configured.message).to.equal(
      'Cannot set config in IntegrationStatus.RUNNING state. Please reset first.',
    );
    const started = await failure(dia.client.start());
    expect(started.message).to.equal(
      'Cannot start acquisition in IntegrationStatus.RUNNING state. Please reset first.',
    );
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.RUNNING' });
    expect((await dia.client.config()).config).to.deep.equal(acquisition('undisturbed.h5', 10_000, 0.02));
  });

  it('keeps the state and the config when a config is not valid', async () => {
    await dia.client.setConfig(acquisition('kept.h5', 5));
    const wrong = acquisition('wrong.h5', 5);
    const error = await failure(
      dia.client.setConfig({
        ...wrong,
        backend: { bit_depth: 32, n_frames: 1_000 },
        detector: { ...wrong.detector, dr: 16 },
      }),
    );
    expect(error.message).to.include(
      "Backend 'bit_depth' set to '32', but detector 'dr' set to '16'. They must be equal.",
    );
    expect(error.message).to.include(
      "Backend 'n_frames' set to '1000', but detector 'frames' set to '5'. They must be equal.",
    );
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.CONFIGURED' });
    expect((await dia.client.config()).config).to.deep.equal(acquisition('kept.h5', 5));
  });

  it('refuses output files outside of the data roots', async () => {
    for (const name of ['/etc/x.h5', '../../x.h5', 'a$(touch pwned).h5']) {
      const error = await failure(dia.client.setConfig(acquisition(name, 5)));
      expect(error, name).to.include({ httpStatus: 400, code: 'invalid_path' });
    }
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('stops in the middle, keeps the frames so far in a file marked incomplete, and can go on', async () => {
    await longRun('stopped.h5');
    await untilWritten(dia.client, 3);
    expect(await dia.client.stop()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    const facts = await verifyFile(dia.file('stopped.h5'));
    expect(facts.complete).to.equal(false);
    expect(facts.framesWritten).to.be.within(3, 9_999);
    expect(facts.frames).to.equal(facts.framesWritten);

    await dia.client.setConfig(acquisition('after-stop.h5', 5));
    await dia.client.start();
    await dia.client.waitForStatus('FINISHED');
    expect((await verifyFile(dia.file('after-stop.h5'))).framesWritten).to.equal(5);
  });

  for (const how of ['reset', 'kill'] as const) {
    it(`ends a run with ${how} and leaves a readable file`, async () => {
      await longRun(`${how}.h5`);
      await untilWritten(dia.client, 3);
      expect(await dia.client[how]()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
      expect(await dia.client.statusDetails()).to.deep.include({
        details: { writer: 'stopped', backend: 'INITIALIZED', detector: 'idle' },
      });
      const facts = await verifyFile(dia.file(`${how}.h5`));
      expect(facts.complete).to.equal(false);
      expect(facts.framesWritten).to.be.greaterThan(2);
    });
  }

  it('lets exactly one of many simultaneous starts through', async () => {
    await dia.client.setConfig(acquisition('race.h5', 10_000, 0.02));
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => dia.client.start()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).to.include({ httpStatus: 409 });
    }
  });

  it('runs without a file while the writer is disabled', async () => {
    expect((await dia.client.setClientsEnabled({ writer: false })).clients_enabled).to.include({
      writer: false,
    });
    try {
      await dia.client.setConfig(acquisition('no-writer.h5', 5));
      const started = await dia.client.start();
      expect(started.file).to.equal(undefined);
      await dia.client.waitForStatus('FINISHED');
      expect((await dia.client.statusDetails()).details).to.include({ writer: 'DISABLED' });
    } finally {
      await dia.client.reset();
      await dia.client.setClientsEnabled({ writer: true });
    }
    await dia.client.reset();
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('names the valid components when a name is not known, and changes none', async () => {
    const error = await failure(dia.client.setClientsEnabled({ writer: false, writter: false }));
    expect(error.httpStatus).to.equal(400);
    expect(error.message).to.include('writter');
    expect((await dia.client.clientsEnabled()).clients_enabled).to.deep.equal({
      detector: true,
      backend: true,
      writer: true,
    });
  });

  it('tries a config without touching anything', async () => {
    const good = await dia.client.daqTest(acquisition('dry.h5', 5));
    expect(good.result).to.include({ valid: true });
    const bad = await dia.client.daqTest({ writer: { n_frames: 5 }, backend: {}, detector: {} });
    expect(bad.result).to.include({ valid: false });
    expect((await dia.client.daqTest({ hello: 'world' })).result).to.deep.equal({ hello: 'world' });
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('reads and sets a detector value', async () => {
    await dia.client.setConfig(acquisition('value.h5', 5));
    expect(await dia.client.detectorValue('frames')).to.equal(5);
    expect(await dia.client.setDetectorValue('exptime', 0.001)).to.equal(0.001);
    expect(await dia.client.detectorValue('exptime')).to.equal(0.001);
    const error = await failure(dia.client.detectorValue('no-such-value'));
    expect(error.message).to.include('no-such-value');
  });
});

describe('an output folder that becomes a link out of the data roots', function () {
  this.timeout(30_000);

  it('is noticed when the file is opened, and nothing is written there', async () => {
    const dia = await boot();
    const outside = await mkdtemp(join(tmpdir(), 'dia-outside-'));
    try {
      await mkdir(dia.file('sub'));
      await dia.client.setConfig(acquisition('sub/run.h5', 3));
      await rename(dia.file('sub'), dia.file('elsewhere'));
      await symlink(outside, dia.file('sub'));
      const error = await failure(dia.client.start());
      expect(error.message).to.include('data roots');
      expect(await readdir(outside)).to.deep.equal([]);
    } finally {
      await dia.close();
      await rm(outside, { recursive: true });
    }
  });
});
