import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure, until } from '../support/calls.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

describe('the name of an output file', function () {
  this.timeout(60_000);
  let dia: TestIntegration;
  let outside: string;

  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), 'dia-outside-'));
    dia = await boot();
  });

  afterEach(async () => {
    await dia?.close();
    await rm(outside, { recursive: true, force: true });
  });

  async function runTo(file: string): Promise<string> {
    const { file: real } = await dia.client.start({ sections: acquisition(file, 3) });
    await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
    expect((await verifyFile(real ?? '')).framesWritten).to.equal(3);
    await dia.client.reset();
    return real ?? '';
  }

  it('is refused without side effect where it leads out of the data roots, or is no plain name', async () => {
    await symlink(outside, dia.file('link'));
    await symlink(join(outside, 'new.h5'), dia.file('dangling.h5'));
    await mkdir(dia.file('folder.h5'));
    const before = (await readdir(dia.file('.'))).toSorted();
    for (const name of [
      'data/x$(touch pwned).h5',
      '`touch pwned`.h5',
      'x;touch pwned;.h5',
      'x y.h5',
      '../../etc/x.h5',
      '/etc/x.h5',
      `${dia.file('.')}/../x.h5`,
      'link/x.h5',
      'dangling.h5',
      'folder.h5',
      '.',
      '..',
      'a/.',
      '.dia/x.h5',
      `${dia.file('.dia')}/log/x.h5`,
      '/dev/null',
      '/dev/zero',
      '/dev/mem',
      '/proc/self/mem',
      'nul\u0000l.h5',
    ]) {
      const error = await failure(dia.client.start({ sections: acquisition(name, 3) }));
      expect(error.httpStatus, name).to.equal(400);
      expect(error.code, name).to.be.oneOf(['invalid_path', 'invalid_config']);
    }
    expect((await readdir(dia.file('.'))).toSorted()).to.deep.equal(before);
    expect(await readdir(outside)).to.deep.equal([]);
    expect(existsSync('pwned') || existsSync(dia.file('pwned'))).to.equal(false);
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    expect((await dia.client.statusDetails()).details).to.include({
      writer: 'stopped',
      backend: 'INITIALIZED',
      detector: 'idle',
    });
  });

  it('may be /dev/null where the deployment allows it: nothing is kept, all is counted', async () => {
    await dia.close();
    dia = await boot({ settings: { allowDevNull: true } });
    expect((await dia.client.start({ sections: acquisition('/dev/null', 5) })).file).to.equal('/dev/null');
    await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
    expect((await dia.client.status()).progress).to.include({ written_frames: 5 });
    expect(await readdir(dia.file('.'))).to.deep.equal(['.dia']);
    expect((await stat('/dev/null')).isCharacterDevice()).to.equal(true);
    await dia.client.reset();
    await runTo('kept.h5');
  });

  it('has warnings about it in the log', async () => {
    process.emitWarning('The old file is kept as .old.h5.1.replaced.', 'ReplacedFile');
    const log = join(dia.file('.dia'), 'dia.log');
    await until(
      () => readFile(log, 'utf8'),
      (text) => text.includes('The old file is kept as .old.h5.1.replaced.'),
    );
  });

  it('is filled in from the run number, the date and the pipeline; the config stays as it was given', async () => {
    const given = 'r{run:06d}_{date}_{detector}.h5';
    const first = await runTo(given);
    expect(first).to.match(/\/r000001_\d{4}-\d\d-\d\d_main\.h5$/);
    // Trying a config takes no number.
    const { result } = await dia.client.daqTest(acquisition(given, 3));
    expect(result).to.include({ valid: true });
    expect(await runTo(given)).to.match(/\/r000002_/);
    expect((await dia.client.config()).config).to.deep.equal(acquisition(given, 3));
    const wrong = await failure(dia.client.setConfig(acquisition('{scan}_{run:x}.h5', 3)));
    expect(wrong.code).to.equal('invalid_config');
    expect(wrong.message).to.include('{scan} stands for nothing; known are {run}, {run:06d}, {date}, {time}');
    expect(wrong.message).to.include('{run:x} has a format');
  });

  it('is never the one of two acquisitions, of two deployments neither', async () => {
    const shared = { settings: { paths: { roots: [outside] } } };
    const others = await Promise.all([boot(shared), boot(shared)]);
    try {
      const file = join(outside, 'same.h5');
      const files = await Promise.all(
        others.map(async ({ url }) => {
          const client = new DiaClient(url);
          const started = await client.start({ sections: acquisition(file, 3) });
          await client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
          return started.file ?? '';
        }),
      );
      expect(files.toSorted()).to.deep.equal([file, join(outside, 'same_001.h5')].toSorted());
      for (const one of files) expect((await verifyFile(one)).framesWritten).to.equal(3);
    } finally {
      await Promise.all(others.map((one) => one.close()));
    }
  });

  it('that exists is answered with 409 before anything is configured, where the deployment refuses', async () => {
    await dia.close();
    dia = await boot({ settings: { existingFile: 'refuse' } });
    await writeFile(dia.file('taken.h5'), 'old');
    const error = await failure(dia.client.setConfig(acquisition('taken.h5', 3)));
    expect(error).to.include({ code: 'file_exists', httpStatus: 409 });
    expect((await dia.client.statusDetails()).details).to.include({
      writer: 'stopped',
      backend: 'INITIALIZED',
    });
  });
});
