import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Standby } from '../../../src/adapters/writer/h5Process/standby.js';
import { PROGRAM_FILES } from '../../../src/programFiles.js';
import { until } from '../../support/calls.js';
import { isAlive, processesThatWriteInto } from '../../support/processes.js';

describe('a writer process in store', () => {
  let logFolder: string;
  let standby: Standby;
  beforeEach(async () => {
    logFolder = await mkdtemp(join(tmpdir(), 'dia-standby-'));
    standby = new Standby({ program: PROGRAM_FILES.writer, logFolder, component: 'writer' });
  });
  afterEach(async () => {
    await standby.close();
    await rm(logFolder, { recursive: true, force: true });
  });

  it('takes the arguments of a run, writes into its log, and ends like any other', async () => {
    standby.prepare(1);
    const log = join(logFolder, 'run.log');
    const taken = await standby.take(['--help'], { log, firstLine: 'the command line\n' });
    await until(
      async () => taken?.runs(),
      (runs) => runs === false,
    );
    expect(taken?.exit).to.deep.equal({ code: 0, signal: null });
    expect(await readFile(log, 'utf8')).to.match(/^the command line\nUsage/);
    expect(await standby.take(['--help'], { log, firstLine: 'the command line\n' })).to.equal(null);
  });

  it('is one of several, each given out once, and all that are left end with the store', async () => {
    standby.prepare(1);
    standby.prepare(3);
    const pids = await until(
      () => processesThatWriteInto(logFolder),
      (found) => found.length === 3,
    );
    const log = join(logFolder, 'run.log');
    const taken = await standby.take(['--help'], { log, firstLine: '' });
    expect(pids).to.include(taken?.identity.pid);
    await standby.close();
    await until(
      () => processesThatWriteInto(logFolder),
      (found) => found.length === 0,
    );
    expect(await readdir(logFolder)).to.deep.equal(['run.log']);
  });

  it('is ended where its log is gone, and not given out', async () => {
    standby.prepare(1);
    const [writing] = await until(
      () => processesThatWriteInto(logFolder),
      (pids) => pids.length === 1,
    );
    await rm(logFolder, { recursive: true });
    await mkdir(logFolder);
    const log = join(logFolder, 'run.log');
    expect(await standby.take(['--help'], { log, firstLine: '' })).to.equal(null);
    await until(
      async () => isAlive(writing ?? 0),
      (alive) => !alive,
    );
    expect(await readdir(logFolder)).to.deep.equal([]);
  });

  it('leaves nothing when it is not needed any more', async () => {
    standby.prepare(1);
    await standby.close();
    expect(await readdir(logFolder)).to.deep.equal([]);
  });

  it('ends by itself when whoever started it is gone', async () => {
    const child = spawn(process.execPath, [PROGRAM_FILES.writer, '--standby'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin?.end();
    expect(await once(child, 'exit')).to.deep.equal([0, null]);
  });
});
