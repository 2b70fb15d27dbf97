import { fork } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { fillFileName, nameFindings } from '../../../src/files/fileNames.js';
import { RunNumbers } from '../../../src/files/runNumbers.js';

const at = new Date(2026, 0, 2, 3, 4, 5);
const fill = (name: string, run = 7) =>
  fillFileName(name, { run: () => Promise.resolve(run), at, detector: 'JF01' });

describe('names in curly brackets in a file name', () => {
  it('are filled in', async () => {
    expect(await fill('{date}/{time}_{detector}_{run:06d}_{run}.h5')).to.equal(
      '2026-01-02/030405_JF01_000007_7.h5',
    );
    expect(await fill('{run:03d}.h5', 12_345)).to.equal('12345.h5');
  });

  it('are only counted where they are used', async () => {
    const run = () => Promise.reject(new Error('asked'));
    expect(await fillFileName('{date}.h5', { run, at, detector: 'x' })).to.equal('2026-01-02.h5');
  });

  it('have to be known, with a format that fits', () => {
    expect(nameFindings('{run}{run:06d}{date}{time}{detector}')).to.deep.equal([]);
    expect(nameFindings('{scan}.h5')[0]).to.match(/^\{scan\} stands for nothing; known are \{run\},/);
    for (const name of ['{run:x}', '{run:6d}', '{run:099d}', '{date:06d}', '{run:}'])
      expect(nameFindings(name), name).to.have.lengthOf(1);
  });

  it('leave every other name as it is', async () => {
    for (const name of ['a{b', 'a}b', '{}', '{1}', '{{', '${x', '{a-b}']) {
      expect(nameFindings(name), name).to.deep.equal([]);
      expect(await fill(name)).to.equal(name);
    }
    await fc.assert(
      fc.asyncProperty(fc.string(), async (name) => {
        fc.pre(!/\{[A-Za-z_]/.test(name));
        expect(await fill(name)).to.equal(name);
      }),
    );
  });
});

describe('the run numbers of a deployment', function () {
  this.timeout(30_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-runs-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('begin with 1, and go on where they were, whoever asks', async () => {
    expect(await new RunNumbers(join(folder, 'a')).take()).to.equal(1);
    expect(await new RunNumbers(join(folder, 'a')).next()).to.equal(2);
    expect(await new RunNumbers(join(folder, 'a')).take()).to.equal(2);
    await writeFile(join(folder, 'a', '500'), '');
    await writeFile(join(folder, 'a', 'notes.txt'), '');
    expect(await new RunNumbers(join(folder, 'a')).take()).to.equal(501);
  });

  it('are never given twice, to however many at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        async (takers) => {
          const own = await mkdtemp(join(folder, 'x-'));
          const taken = await Promise.all(
            takers.map(async (count) => {
              const numbers = new RunNumbers(own);
              return Promise.all(Array.from({ length: count }, () => numbers.take()));
            }),
          );
          const all = taken.flat();
          expect(new Set(all).size).to.equal(all.length);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('are never given twice, to processes that are killed with kill -9 in between', async () => {
    const program = join(folder, 'take.mjs');
    const module = new URL('../../../src/files/runNumbers.js', import.meta.url).href;
    await writeFile(
      program,
      `import { RunNumbers } from ${JSON.stringify(module)};
      const numbers = new RunNumbers(process.argv[2]);
      for (;;) { const number = await numbers.take(); await new Promise((done) => process.send(number, done)); }`,
    );
    const runs = join(folder, 'runs');
    const all: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        [1, 2].map(
          () =>
            new Promise<void>((resolve) => {
              const child = fork(program, [runs]);
              let got = 0;
              child.on('message', (number: number) => {
                all.push(number);
                got += 1;
                if (got === 8) child.kill('SIGKILL');
              });
              child.on('close', () => resolve());
            }),
        ),
      );
    }
    expect(all.length).to.be.at.least(48);
    expect(new Set(all).size).to.equal(all.length);
    expect((await readdir(runs)).length).to.be.lessThan(60);
  });
});
