import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pruneLogs } from '../../../src/adapters/writer/h5Process/pruneLogs.js';
import { rotateLog } from '../../../src/services/rotateLog.js';

describe('logs of other programs', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-logs-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('stay bounded while their program holds them open, the newest lines in the log itself', async () => {
    const path = join(folder, 'writer.log');
    const log = await open(path, 'a');
    for (let line = 0; line < 60; line += 1) {
      await log.write(`line ${line}\n`);
      await rotateLog(path, { mostBytes: 100, olderParts: 2 });
    }
    await log.write('the last line\n');
    await log.close();
    expect((await readdir(folder)).toSorted()).to.deep.equal(['writer.log', 'writer.log.1', 'writer.log.2']);
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).size).to.be.within(1, 120);
    }
    expect(await readFile(path, 'utf8')).to.match(/the last line\n$/);
    const kept = await Promise.all(['.2', '.1', ''].map((part) => readFile(path + part, 'utf8')));
    const numbers = [...kept.join('').matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
    expect(numbers.at(-1)).to.equal(59);
    expect(numbers).to.deep.equal(numbers.toSorted((a, b) => a - b));
  });

  it('of runs are removed, oldest first, beyond a hundred', async () => {
    const name = (run: number) => `writer_2025-01-01T00-00-${String(run).padStart(3, '0')}Z_abc.log`;
    for (let run = 0; run < 105; run += 1) await writeFile(join(folder, name(run)), 'x');
    await writeFile(join(folder, 'other_1.log'), 'x');
    await pruneLogs(folder, 'writer');
    const left = (await readdir(folder)).toSorted();
    expect(left).to.have.length(101);
    expect(left)
      .to.include.members(['other_1.log', name(104), name(5)])
      .and.not.include(name(4));
  });
});
