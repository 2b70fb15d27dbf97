import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LineFile } from '../../../src/telemetry/lineFile.js';
import { until } from '../../support/calls.js';

describe('LineFile', () => {
  let folder: string;
  let problems: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-lines-'));
    problems = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const lineFile = (name: string, largestBytes = 1_000_000, waitMs = 0) =>
    new LineFile(join(folder, name), {
      largestBytes,
      files: 3,
      waitMs,
      onProblem: (text) => problems.push(text),
    });

  it('keeps every line, in order, behind those that were there', async () => {
    for (const from of [0, 500]) {
      const file = lineFile('a.log');
      for (let number = from; number < from + 500; number++) {
        file.write(`line ${number}`);
        if (number % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await file.close();
    }
    const lines = (await readFile(join(folder, 'a.log'), 'utf8')).trim().split('\n');
    expect(lines).to.deep.equal(Array.from({ length: 1000 }, (_, number) => `line ${number}`));
  });

  it('closes without waiting for more lines', async () => {
    const file = lineFile('slow.log', 1_000_000, 3_600_000);
    file.write('last words');
    await file.close();
    expect(await readFile(join(folder, 'slow.log'), 'utf8')).to.equal('last words\n');
  });

  it('writes what waits when it is hurried, also while it writes', async () => {
    const file = lineFile('slow.log', 1_000_000, 3_600_000);
    const text = () => readFile(join(folder, 'slow.log'), 'utf8').catch(() => '');
    file.write('first');
    file.hurry();
    file.write('with it');
    await until(text, (written) => written === 'first\nwith it\n');
    for (let number = 0; number < 3; number++) {
      file.write(`more ${number}`);
      file.hurry();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(text, (written) => written.endsWith('more 2\n'));
    file.write('not hurried');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await text()).not.to.contain('not hurried');
    await file.close();
  });

  it('begins anew when it has grown, and keeps the newest files', async () => {
    for (const letter of 'abcde') {
      const file = lineFile('b.log', 20);
      file.write(letter.repeat(15));
      await file.close();
      const again = lineFile('b.log', 20);
      again.write(letter);
      await again.close();
    }
    const file = lineFile('b.log', 20);
    file.write('x');
    await file.close();
    file.write('after the end');
    expect(await readdir(folder)).to.have.members(['b.log', 'b1.log', 'b2.log']);
    expect(await readFile(join(folder, 'b1.log'), 'utf8')).to.match(/^d{15}\nd\n$/);
  });

  it('says that it cannot be written, and keeps nobody waiting', async () => {
    await mkdir(join(folder, 'c.log'));
    const file = lineFile('c.log');
    file.write('lost');
    await file.close();
    expect(problems.join()).to.include('A log file cannot be written').and.include('EISDIR');
  });

  it('rests while it cannot be written', async () => {
    await mkdir(join(folder, 'd.log'));
    const file = lineFile('d.log');
    const real = globalThis.setImmediate;
    let attempts = 0;
    const counted = (work: () => void) => {
      attempts += 1;
      return real(work);
    };
    globalThis.setImmediate = Object.assign(counted, real);
    try {
      file.write('lost');
      while (problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      file.write('waits');
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      globalThis.setImmediate = real;
    }
    expect(attempts).to.be.below(5);
    await file.close();
  });
});
