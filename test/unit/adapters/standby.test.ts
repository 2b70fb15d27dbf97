import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Standby } from '../../../src/adapters/writer/h5Process/standby.js';
import { PROGRAM_FILES } from '../../../src/programFiles.js';
import { until } from '../../support/calls.js';

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
    standby.prepare();
    const log = join(logFolder, 'run.log');
    const taken = await standby.take(['--help'], log);
    await until(
      async () => taken?.runs(),
      (runs) => runs === false,
    );
    expect(taken?.exit).to.deep.equal({ code: 0, signal: null });
    expect(await readFile(log, 'utf8')).to.include('Usage');
    expect(await standby.take(['--help'], log)).to.equal(null);
  });

  it('leaves nothing when it is not needed any more', async () => {
    standby.prepare();
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
