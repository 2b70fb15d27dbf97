import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ComponentFailedError, InvalidRequestError, WrongStateError } from '../../../src/contracts/errors.js';
import { type ReserveOptions, releaseFile, reserveFile } from '../../../src/files/freeName.js';

/** The path alone. */
const reserve = async (path: string, options: ReserveOptions) => (await reserveFile(path, options)).path;

describe('reserveFile', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-names-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('takes the name itself when it is free, and makes missing folders', async () => {
    const path = join(folder, 'a/b/run.h5');
    expect(await reserve(path, { rule: 'number' })).to.equal(path);
    expect((await stat(path)).size).to.equal(0);
  });

  it('takes the next free number', async () => {
    for (const name of ['run.h5', 'run_001.h5', 'run_003.h5']) await writeFile(join(folder, name), 'kept');
    const next = () => reserve(join(folder, 'run.h5'), { rule: 'number' });
    expect(await next()).to.equal(join(folder, 'run_002.h5'));
    expect(await next()).to.equal(join(folder, 'run_004.h5'));
    expect(await readFile(join(folder, 'run_003.h5'), 'utf8')).to.equal('kept');
  });

  it('leaves /dev/null alone, whatever the rule', async () => {
    for (const rule of ['number', 'overwrite', 'refuse'] as const) {
      expect(await reserve('/dev/null', { rule })).to.equal('/dev/null');
    }
    await releaseFile('/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).to.equal(true);
  });

  it('gives a name back, also one that was never taken', async () => {
    const path = await reserve(join(folder, 'run.h5'), { rule: 'refuse' });
    await releaseFile(path);
    await releaseFile(path);
    expect(await reserve(path, { rule: 'refuse' })).to.equal(path);
  });

  it('goes on counting after 999', async () => {
    await writeFile(join(folder, 'run.h5'), '');
    const taken = Array.from({ length: 999 }, (_, index) => `run_${String(index + 1).padStart(3, '0')}.h5`);
    await Promise.all(taken.map((name) => writeFile(join(folder, name), '')));
    expect(await reserve(join(folder, 'run.h5'), { rule: 'number' })).to.equal(join(folder, 'run_1000.h5'));
  });

  it('never gives one name to two', async () => {
    const path = join(folder, 'run.h5');
    const names = await Promise.all(Array.from({ length: 50 }, () => reserve(path, { rule: 'number' })));
    expect(new Set(names).size).to.equal(50);
    expect(await readdir(folder)).to.have.length(50);
  });

  it('refuses an existing file by rule, also when several ask at once', async () => {
    const path = join(folder, 'run.h5');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => reserve(path, { rule: 'refuse' })),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).to.have.length(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      expect(outcome.reason).to.be.instanceOf(WrongStateError).with.property('code', 'file_exists');
    }
  });

  describe('with the rule overwrite', () => {
    let path: string;
    beforeEach(async () => {
      path = join(folder, 'run.h5');
      await writeFile(path, 'old');
    });

    const contents = async () =>
      (
        await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
      ).toSorted();

    it('has the old file beside the new one until the new one is kept', async () => {
      const reserved = await reserveFile(path, { rule: 'overwrite' });
      expect(reserved).to.include({ path, replaces: true });
      expect((await stat(path)).size).to.equal(0);
      expect(await contents()).to.deep.equal(['', 'old']);
      await writeFile(path, 'new');
      await reserved.keep();
      expect(await contents()).to.deep.equal(['new']);
    });

    it('puts the old file back when the new one is given up, whatever is in it', async () => {
      for (const begun of [false, true]) {
        const reserved = await reserveFile(path, { rule: 'overwrite' });
        if (begun) await writeFile(path, 'half a file');
        await reserved.giveBack();
        expect(await readdir(folder)).to.deep.equal(['run.h5']);
        expect(await readFile(path, 'utf8')).to.equal('old');
      }
    });

    it('can leave the name free for a program that makes its own file', async () => {
      const reserved = await reserveFile(path, { rule: 'overwrite' });
      await reserved.clear();
      await writeFile(path, 'new', { flag: 'wx' });
      await reserved.keep();
      expect(await contents()).to.deep.equal(['new']);
    });

    it('leaves what another program has made at a name that was left free, and says where the old file is', async () => {
      const reserved = await reserveFile(path, { rule: 'overwrite' });
      await reserved.clear();
      await writeFile(path, 'of the other program');
      const warned = once(process, 'warning');
      await reserved.giveBack();
      expect(await readFile(path, 'utf8')).to.equal('of the other program');
      const [{ message }] = await warned;
      const [, aside = ''] = /kept as (\S+)\.$/.exec(message) ?? [];
      expect(await readFile(aside, 'utf8')).to.equal('old');
      expect(await contents()).to.have.length(2);
    });

    it('has the old file back where the name was left free and nobody took it', async () => {
      const reserved = await reserveFile(path, { rule: 'overwrite' });
      await reserved.clear();
      await reserved.giveBack();
      expect(await contents()).to.deep.equal(['old']);
      expect(await readFile(path, 'utf8')).to.equal('old');
    });

    it('has a link back that was replaced', async () => {
      const replaced = join(folder, 'link.h5');
      await symlink(path, replaced);
      await (await reserveFile(replaced, { rule: 'overwrite' })).giveBack();
      expect(await readlink(replaced)).to.equal(path);
    });

    it('lets who reads the old file go on, and gives the new one a file of its own', async () => {
      const reader = await open(path);
      const reserved = await reserveFile(path, { rule: 'overwrite' });
      await writeFile(path, 'new');
      await reserved.keep();
      expect(await reader.readFile('utf8')).to.equal('old');
      await reader.close();
    });

    it('leaves what a link at that name points to', async () => {
      const link = join(folder, 'link.h5');
      await symlink(path, link);
      await (await reserveFile(link, { rule: 'overwrite' })).keep();
      expect(await readFile(path, 'utf8')).to.equal('old');
    });

    it('moves no folder out of the way', async () => {
      const inFolder = join(folder, 'folder.h5');
      await mkdir(inFolder);
      const error = await reserveFile(inFolder, { rule: 'overwrite' }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(InvalidRequestError);
      expect((await stat(inFolder)).isDirectory()).to.equal(true);
    });

    it('takes names that are as long as names can be', async () => {
      const long = join(folder, `${'ä'.repeat(126)}.h5`);
      await writeFile(long, 'old');
      await (await reserveFile(long, { rule: 'overwrite' })).giveBack();
      expect(await readFile(long, 'utf8')).to.equal('old');
    });
  });

  it('does not follow a dangling link', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'run.h5'));
    expect(await reserve(join(folder, 'run.h5'), { rule: 'number' })).to.equal(join(folder, 'run_001.h5'));
  });

  it('says that a part of the path is a file', async () => {
    await writeFile(join(folder, 'file'), '');
    const error = await reserve(join(folder, 'file/run.h5'), { rule: 'number' }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(InvalidRequestError).with.property('code', 'invalid_path');
  });

  it('leaves no empty file when it cannot be given to its owner', async () => {
    // More than any system has: it fails for root as well.
    const ownerId = 2 ** 40;
    for (const rule of ['number', 'overwrite'] as const) {
      const error = await reserve(join(folder, 'run.h5'), { rule, ownerId }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(Error);
    }
    expect(await readdir(folder)).to.deep.equal([]);
    await writeFile(join(folder, 'run.h5'), 'old');
    await reserve(join(folder, 'run.h5'), { rule: 'overwrite', ownerId }).catch(() => undefined);
    expect(await readFile(join(folder, 'run.h5'), 'utf8')).to.equal('old');
    expect(await readdir(folder)).to.deep.equal(['run.h5']);
  });

  it('says that the system forbids it', async () => {
    // Nobody, not even root, makes files there.
    const error = await reserve('/proc/self/run.h5', { rule: 'number' }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ComponentFailedError);
    expect((error as ComponentFailedError).message).to.contain('/proc/self/run.h5');
  });

  it('gives the file and the folders made for it to their owner', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const path = join(folder, 'a/b/run.h5');
    await reserve(path, { rule: 'number', ownerId: 11057 });
    for (const owned of [path, join(folder, 'a/b'), join(folder, 'a')]) {
      expect((await stat(owned)).uid).to.equal(11057);
    }
    expect((await stat(folder)).uid).to.equal(0);
  });
});
