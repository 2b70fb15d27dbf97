import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type ProgramCall,
  plainText,
  programFailure,
  runProgram,
} from '../../../src/adapters/transport/process.js';
import { Turns } from '../../../src/adapters/transport/turns.js';
import { ComponentFailedError, ComponentSilentError } from '../../../src/contracts/errors.js';
import { expectDiaError, thrownBy, until, within } from '../../support/calls.js';

describe('running a program', () => {
  const node = (script: string, more: Partial<ProgramCall> = {}): ProgramCall => ({
    component: 'detector',
    operation: 'try',
    program: process.execPath,
    args: ['-e', script],
    ...more,
  });
  const shell = (script: string, more: Partial<ProgramCall> = {}) =>
    node('', { program: '/bin/sh', args: ['-c', script], ...more });

  it('answers exit code, stdout and stderr', async () => {
    const output = await runProgram(shell('echo out; echo err >&2; exit 3'), within());
    expect(output).to.deep.equal({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('hands arguments over as they are, through no shell', async () => {
    const args = ['$(id)', '; id', "a'b", 'c d', '*', '-x', ''];
    const print = node('', {
      args: ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...args],
    });
    expect(JSON.parse((await runProgram(print, within())).stdout)).to.deep.equal(args);
  });

  it('adds to the environment and runs in the folder that is asked for', async () => {
    const { stdout } = await runProgram(shell('echo $NAME; pwd', { env: { NAME: 'x' }, cwd: '/' }), within());
    expect(stdout).to.equal('x\n/\n');
  });

  it('says which program is not found, and what to do', async () => {
    const call = node('', { program: '/nowhere/sls_detector_put' });
    const error = await expectDiaError(runProgram(call, within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('/nowhere/sls_detector_put').and.contain('program not found');
    expect(error.facts.hint).to.contain('deployment.yaml');
  });

  it('says that a file may not be executed', async () => {
    const call = node('', { program: '/etc/passwd' });
    const error = await expectDiaError(runProgram(call, within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('may not be executed');
  });

  it('fails on arguments that no program can take, and gives the turn to the next', async () => {
    const call = node('', { args: ['a\0b'], turn: 'nul' });
    await expectDiaError(runProgram(call, within()), ComponentFailedError, 'component_failed');
    expect((await runProgram(shell('exit 0', { turn: 'nul' }), within())).exitCode).to.equal(0);
  });

  it('tells a failure in the words of stderr, without colours', async () => {
    const call = shell("printf '\\033[31mno \\000such thing\\033[0m\\n' >&2; exit 1");
    const error = programFailure(call, await runProgram(call, within()));
    expect(error.message).to.contain('no such thing (exit code 1)');
    expect(plainText(String(error.facts.actual))).to.equal(error.facts.actual);
  });

  it('says so when a program is killed by others', async () => {
    const call = runProgram(shell('kill -9 $$'), within());
    const error = await expectDiaError(call, ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('SIGKILL');
  });

  it('refuses an output without end', async () => {
    const call = runProgram(shell('while :; do echo yes; done', { maxOutputBytes: 10_000 }), within());
    await expectDiaError(call, ComponentFailedError, 'bad_answer');
  });

  describe('that does not end', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'dia-process-'));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    /** Gone, or dead and not yet buried by the init of this machine. */
    const isGone = (pid: string) =>
      readFile(`/proc/${pid.trim()}/stat`, 'utf8').then(
        (stat) => / Z /.test(stat),
        () => true,
      );
    const stubborn = () =>
      shell(`trap "" TERM; sleep 60 & echo $! >child; echo $$ >parent; while :; do wait; done`, {
        cwd: folder,
        turn: folder,
      });
    const pids = () =>
      until(
        () =>
          Promise.all(
            ['parent', 'child'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
          ),
        (found) => found.every((pid) => pid.endsWith('\n')),
      );

    it('is ended with all it started, by force if need be, and keeps its turn until then', async () => {
      const abort = new AbortController();
      const reason = new Error('preempted');
      const call = thrownBy(runProgram(stubborn(), { signal: abort.signal, timeoutMs: 60_000 }));
      const [parent = '', child = ''] = await pids();
      abort.abort(reason);
      expect(await call).to.equal(reason);
      const next = runProgram(shell('exit 0', { turn: folder }), within());
      expect((await next).exitCode).to.equal(0);
      expect(await isGone(parent)).to.equal(true);
      await until(() => isGone(child), Boolean);
    });

    it('does not outlive the controller', async () => {
      const module = new URL('../../../src/adapters/transport/process.js', import.meta.url).href;
      const controller = `
        import { runProgram } from '${module}';
        const call = { component: 'c', operation: 'o', program: '/bin/sh', args: ['-c', process.argv[1]] };
        const signal = new AbortController().signal;
        await runProgram(call, { signal, timeoutMs: 200 }).catch(() => process.exit(0));`;
      const { args } = stubborn();
      const run = node('', {
        args: ['--input-type=module', '-e', controller, '--', args[1] ?? ''],
        cwd: folder,
      });
      expect((await runProgram(run, within())).exitCode).to.equal(0);
      for (const pid of await pids()) await until(() => isGone(pid), Boolean);
    });

    it('is silent when the time is up', async () => {
      const beganMs = performance.now();
      const call = runProgram(stubborn(), within(300));
      const error = await expectDiaError(call, ComponentSilentError, 'component_timeout');
      expect(error.message).to.contain('300 ms');
      expect(performance.now() - beganMs).to.be.within(290, 2000);
    });

    it('costs those who wait for their turn no more than their time', async () => {
      const abort = new AbortController();
      const first = thrownBy(runProgram(stubborn(), { signal: abort.signal, timeoutMs: 60_000 }));
      await pids();
      const second = runProgram(shell('exit 0', { turn: folder }), within(100));
      const error = await expectDiaError(second, ComponentSilentError, 'component_timeout');
      expect(String(error.facts.actual)).to.contain('earlier call');
      abort.abort(new Error('over'));
      await first;
    });
  });

  it('runs programs of one turn one after the other, others at the same time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dia-turns-'));
    // Fails when the file is there already, that is when another one runs.
    const alone = shell('mkdir busy && sleep 0.02 && rmdir busy', { cwd: folder, turn: 'one' });
    const outputs = await Promise.all(Array.from({ length: 8 }, () => runProgram(alone, within())));
    expect(outputs.map(({ exitCode }) => exitCode)).to.deep.equal(Array(8).fill(0));
    // Each waits for the file of the other.
    const meet = (mine: string, yours: string) =>
      shell(`: >${mine}; until [ -e ${yours} ]; do sleep 0.01; done`, { cwd: folder, turn: mine });
    await Promise.all([runProgram(meet('a', 'b'), within()), runProgram(meet('b', 'a'), within())]);
    await writeFile(join(folder, 'done'), '');
    await rm(folder, { recursive: true });
  });
});

describe('turns', () => {
  it('are given in order of arrival, over those who gave up', async () => {
    const turns = new Turns();
    const patient = new AbortController().signal;
    const letGo = await turns.take('key', patient);
    const impatient = new AbortController();
    const order: string[] = [];
    const second = turns.take('key', impatient.signal).catch(() => order.push('gave up'));
    const third = turns.take('key', patient).then((go) => {
      order.push('third');
      go();
    });
    impatient.abort(new Error('no time'));
    await second;
    letGo();
    await third;
    expect(order).to.deep.equal(['gave up', 'third']);
  });
});
