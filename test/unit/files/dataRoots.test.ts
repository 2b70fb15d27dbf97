import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, sep } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { InvalidRequestError } from '../../../src/contracts/errors.js';
import { resolveOutputFile } from '../../../src/files/dataRoots.js';
import { directLookups, type PathLookups } from '../../../src/files/pathLookups.js';

describe('resolveOutputFile', () => {
  let base: string;
  let dataFolder: string;
  let other: string;

  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'dia-roots-')));
    dataFolder = join(base, 'data');
    other = join(base, 'other');
    await mkdir(dataFolder);
    await mkdir(other);
  });

  afterEach(() => rm(base, { recursive: true, force: true }));

  const resolveIn = (name: string) => resolveOutputFile(name, { dataFolder, roots: [other] });

  async function refusal(name: string): Promise<InvalidRequestError> {
    const outcome = await resolveIn(name).catch((error: unknown) => error);
    expect(outcome, name).to.be.instanceOf(InvalidRequestError);
    const error = outcome as InvalidRequestError;
    expect(error.code).to.equal('invalid_path');
    expect(error.facts).to.include.keys('component', 'operation', 'expected', 'actual', 'hint');
    return error;
  }

  it('lays relative names into the data folder and appends .h5 where it is missing', async () => {
    expect(await resolveIn('run')).to.equal(join(dataFolder, 'run.h5'));
    expect(await resolveIn('run.h5')).to.equal(join(dataFolder, 'run.h5'));
    expect(await resolveIn('a/b/run.dat')).to.equal(join(dataFolder, 'a/b/run.dat.h5'));
    expect(await resolveIn('./a//run.h5')).to.equal(join(dataFolder, 'a/run.h5'));
  });

  it('takes absolute names inside any of the roots', async () => {
    expect(await resolveIn(join(other, 'x/run.h5'))).to.equal(join(other, 'x/run.h5'));
    expect(await resolveIn(join(dataFolder, 'run'))).to.equal(join(dataFolder, 'run.h5'));
  });

  it('takes data folders that do not exist yet', async () => {
    const future = { dataFolder: join(base, 'later/data'), roots: [] };
    expect(await resolveOutputFile('run', future)).to.equal(join(base, 'later/data/run.h5'));
  });

  it('takes /dev/null where it is allowed, and nothing else there', async () => {
    const folders = { dataFolder, roots: [], allowDevNull: true };
    expect(await resolveOutputFile('/dev/null', folders)).to.equal('/dev/null');
    for (const name of ['/dev/null.h5', '/dev/./null', '/dev/zero']) {
      const outcome = await resolveOutputFile(name, folders).catch((error: unknown) => error);
      expect(outcome, name).to.be.instanceOf(InvalidRequestError);
    }
    await refusal('/dev/null');
  });

  it('refuses what lies outside, and names the roots', async () => {
    const error = await refusal('/etc/run.h5');
    expect(error.facts.expected).to.contain(dataFolder).and.to.contain(other);
    await refusal(`${dataFolder}-not/run.h5`);
    await refusal(dataFolder);
    await refusal(base);
  });

  it("refuses every way up with '..'", async () => {
    for (const name of ['../run.h5', 'a/../../run.h5', `${dataFolder}/../run.h5`, '..', 'a/..'])
      await refusal(name);
  });

  it('refuses links that lead outside, also as the file itself and when they lead nowhere', async () => {
    await symlink('/etc', join(dataFolder, 'out'));
    await refusal('out/run.h5');
    await refusal('out/deeper/run.h5');
    await symlink(join(base, 'elsewhere.h5'), join(dataFolder, 'file.h5'));
    await refusal('file.h5');
    await symlink(join(base, 'nowhere'), join(dataFolder, 'dangling'));
    await refusal('dangling/run.h5');
    await symlink('loop', join(dataFolder, 'loop'));
    await refusal('loop/run.h5');
  });

  it('follows links that stay inside', async () => {
    await symlink(other, join(dataFolder, 'in'));
    expect(await resolveIn('in/run.h5')).to.equal(join(dataFolder, 'in/run.h5'));
    await symlink(base, join(other, 'base'));
    await refusal('/'.concat(relative('/', join(other, 'base/run.h5'))));
  });

  it("refuses the controller's own folder, also through a link, but not data below it", async () => {
    const stateFolder = join(dataFolder, '.dia');
    await mkdir(stateFolder);
    await symlink(stateFolder, join(dataFolder, 'state'));
    const folders = { dataFolder, roots: [other], stateFolder };
    for (const name of ['.dia/run.h5', '.dia/log/run.h5', join(stateFolder, 'run.h5'), 'state/run.h5']) {
      const error = await resolveOutputFile(name, folders).catch((thrown: unknown) => thrown);
      expect(error, name).to.be.instanceOf(InvalidRequestError);
      expect(String(error)).to.include("the controller's own files").and.to.include(stateFolder);
    }
    expect(await resolveOutputFile('run', folders)).to.equal(join(dataFolder, 'run.h5'));
    for (const state of [dataFolder, base]) {
      expect(await resolveOutputFile('run', { ...folders, stateFolder: state })).to.equal(
        join(dataFolder, 'run.h5'),
      );
    }
  });

  it('asks nothing of another root than the one that the file is in', async () => {
    const asked: string[] = [];
    const lookups: PathLookups = {
      ...directLookups,
      locate: (path) => {
        asked.push(path);
        return directLookups.locate(path);
      },
    };
    await resolveOutputFile(join(other, 'run.h5'), { dataFolder, roots: [other], lookups });
    expect(asked.filter((path) => path.startsWith(dataFolder))).to.deep.equal([]);
  });

  it('works when the data folder itself is a link', async () => {
    await symlink(other, join(base, 'link'));
    const folders = { dataFolder: join(base, 'link'), roots: [] };
    expect(await resolveOutputFile('run', folders)).to.equal(join(base, 'link/run.h5'));
  });

  it('refuses folders, empty names, and names that are too long', async () => {
    await mkdir(join(dataFolder, 'folder.h5'));
    for (const name of [
      'folder',
      'folder.h5',
      '',
      'a/',
      '.',
      'a/.',
      '.h5',
      '..h5',
      'a/..JF01.h5',
      'x'.repeat(300),
      'x/'.repeat(2100),
    ]) {
      await refusal(name);
    }
  });

  it('refuses what a shell or a control tool would take apart', async () => {
    for (const character of [...';|&$`<>"\'*?()[]!\\^ \t\n\r\0\x7f\u2028\u00a0']) {
      const error = await refusal(`run${character}x.h5`);
      expect(error.message).to.contain(JSON.stringify(character));
    }
  });

  it('takes what file names need', async () => {
    const name = 'Messung_Größe-7+a=b,c@d:e%f{g}~h#i.1.h5';
    expect(await resolveIn(name)).to.equal(join(dataFolder, name));
  });

  it('either refuses or stays inside, whatever it is given', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '/',
        '//',
        '',
        'a',
        'out',
        'in',
        '.h5',
        dataFolder,
        other,
        '/etc',
        '\0',
        ';',
        '~',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    await symlink('/etc', join(dataFolder, 'out'));
    await symlink(other, join(dataFolder, 'in'));
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), fc.constantFrom('', '/'), async (pieces, glue) => {
        const name = pieces.join(glue);
        const path = await resolveIn(name).catch((error: unknown) => {
          expect(error).to.be.instanceOf(InvalidRequestError);
          return null;
        });
        if (path === null) return;
        expect(isAbsolute(path) && path.endsWith('.h5')).to.equal(true);
        expect(path).to.match(/^[^\s;|&$`<>"'*?\\\0]+$/);
        const inside = [dataFolder, other].some((root) => !relative(root, path).split(sep).includes('..'));
        expect(inside, path).to.equal(true);
        expect(path.startsWith(`${join(dataFolder, 'out')}${sep}`), path).to.equal(false);
      }),
      { numRuns: 500 },
    );
  });
});
