import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ComponentFailedError, InvalidRequestError, WrongStateError } from '../../../src/contracts/errors.js';
import { releaseFile, reserveFile } from '../../../src/files/freeName.js';

describe('reserveFile', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-names-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('takes the name itself when it is free, and makes missing folders', async () => {
    const path = join(folder, 'a/b/run.h5');
    expect(await reserveFile(path, { rule: 'number' })).to.equal(path);
    expect((await stat(path)).size).to.equal(0);
  });

  it('takes the next free number', async () => {
    for (const name of ['run.h5', 'run_001.h5', 'run_003.h5']) await writeFile(join(folder, name), 'kept');
    const reserve = () => reserveFile(join(folder, 'run.h5'), { rule: 'number' });
    expect(await reserve()).to.equal(join(folder, 'run_002.h5'));
    expect(await reserve()).to.equal(join(folder, 'run_004.h5'));
    expect(await readFile(join(folder, 'run_003.h5'), 'utf8')).to.equal('kept');
  });

  it('leaves /dev/null alone, whatever the rule', async () => {
    for (const rule of ['number', 'overwrite', 'refuse'] as const) {
      expect(await reserveFile('/dev/null', { rule })).to.equal('/dev/null');
    }
    await releaseFile('/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).to.equal(true);
  });

  it('gives a name back, also one that was never taken', async () => {
    const path = await reserveFile(join(folder, 'run.h5'), { rule: 'refuse' });
    await releaseFile(path);
    await releaseFile(path);
    expect(await reserveFile(path, { rule: 'refuse' })).to.equal(path);
  });

  it('goes on counting after 999', async () => {
    await writeFile(join(folder, 'run.h5'), '');
    const taken = Array.from({ length: 999 }, (_, index) => `run_${String(index + 1).padStart(3, '0')}.h5`);
    await Promise.all(taken.map((name) => writeFile(join(folder, name), '')));
    expect(await reserveFile(join(folder, 'run.h5'), { rule: 'number' })).to.equal(
      join(folder, 'run_1000.h5'),
    );
  });

  it('never gives one name to two', async () => {
    const path = join(folder, 'run.h5');
    const names = await Promise.all(Array.from({ length: 50 }, () => reserveFile(path, { rule: 'number' })));
    expect(new Set(names).size).to.equal(50);
    expect(await readdir(folder)).to.have.length(50);
  });

  it('refuses an existing file by rule, also when several ask at once', async () => {
    const path = join(folder, 'run.h5');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => reserveFile(path, { rule: 'refuse' })),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).to.have.length(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      expect(outcome.reason).to.be.instanceOf(WrongStateError).with.property('code', 'file_exists');
    }
  });

  it('replaces an existing file by rule, and leaves what a link at that name points to', async () => {
    const path = join(folder, 'run.h5');
    await writeFile(path, 'old');
    expect(await reserveFile(path, { rule: 'overwrite' })).to.equal(path);
    expect((await stat(path)).size).to.equal(0);
    await writeFile(join(folder, 'target'), 'kept');
    await symlink(join(folder, 'target'), join(folder, 'link.h5'));
    await reserveFile(join(folder, 'link.h5'), { rule: 'overwrite' });
    expect(await readFile(join(folder, 'target'), 'utf8')).to.equal('kept');
  });

  it('does not follow a dangling link', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'run.h5'));
    expect(await reserveFile(join(folder, 'run.h5'), { rule: 'number' })).to.equal(
      join(folder, 'run_001.h5'),
    );
  });

  it('says that a part of the path is a file', async () => {
    await writeFile(join(folder, 'file'), '');
    const error = await reserveFile(join(folder, 'file/run.h5'), { rule: 'number' }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(InvalidRequestError).with.property('code', 'invalid_path');
  });

  it('says that the system forbids it', async () => {
    // Nobody, not even root, makes files there.
    const error = await reserveFile('/proc/self/run.h5', { rule: 'number' }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(ComponentFailedError);
    expect((error as ComponentFailedError).message).to.contain('/proc/self/run.h5');
  });

  it('gives the file and the folders made for it to their owner', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const path = join(folder, 'a/b/run.h5');
    await reserveFile(path, { rule: 'number', ownerId: 11057 });
    for (const owned of [path, join(folder, 'a/b'), join(folder, 'a')]) {
      expect((await stat(owned)).uid).to.equal(11057);
    }
    expect((await stat(folder)).uid).to.equal(0);
  });
});
