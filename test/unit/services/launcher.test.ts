import { rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import { LaunchedServices } from '../../../src/services/launchedServices.js';
import { identify } from '../../../src/services/processIdentity.js';
import { expectDiaError, until } from '../../support/calls.js';
import { LauncherBench } from '../../support/launcherBench.js';
import { isAlive } from '../../support/processes.js';

describe('ServiceLauncher', function () {
  this.timeout(60_000);
  let bench: LauncherBench;

  beforeEach(async () => {
    bench = await LauncherBench.open();
  });

  afterEach(() => bench.end());

  /** Launches a service, leaves it, and answers its process id. */
  async function leave(name: string): Promise<number> {
    const first = await bench.launcher();
    await first.launch(bench.command(name));
    const { [name]: pid = 0 } = await bench.pids();
    await first.leave();
    return pid;
  }

  it('takes over a service that outlived the launcher before', async () => {
    const pid = await leave('lasting');
    const second = await bench.launcher();
    await second.launch(bench.command('lasting'));
    expect(await bench.pids()).to.deep.equal({ lasting: pid });
    expect(bench.messages).to.include('info: Took over the service lasting.');
  });

  it('ends one that would be started otherwise now, and starts it anew', async () => {
    const pid = await leave('changed');
    const second = await bench.launcher();
    const command = bench.command('changed');
    await second.launch({ ...command, args: [...command.args, 'more'] });
    expect(isAlive(pid)).to.equal(false);
    expect((await bench.pids()).changed).not.to.equal(pid);
  });

  for (const [what, change] of [
    ['a pid of a note that is somebody else by now', (text: string) => text],
    [
      'the same pid and start time after a reboot',
      (text: string) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'x'),
    ],
  ] as const) {
    it(`does nothing to ${what}`, async () => {
      const pid = await leave('gone');
      process.kill(pid, 'SIGKILL');
      const stranger = await bench.stranger();
      const { startTicks = 0 } = (await identify(stranger.pid)) ?? {};
      await bench.changeNotes((text) => {
        const noted = text.replaceAll(new RegExp(`\\b${pid}\\b`, 'g'), String(stranger.pid));
        const changed = change(noted);
        // What is told by the boot must not be told by the time.
        return changed === noted ? noted : changed.replace(/"startTicks":\d+/, `"startTicks":${startTicks}`);
      });
      const second = await bench.launcher({ takeoverTimeoutMs: 300, stopTimeoutMs: 200 });
      await second.launch(bench.command('gone'));
      expect(stranger.exitCode).to.equal(null);
      expect(stranger.signalCode).to.equal(null);
      expect(isAlive(stranger.pid)).to.equal(true);
    });
  }

  it('ends the very process of the note when it says no more that it is there', async () => {
    const pid = await leave('silent');
    process.kill(pid, 'SIGSTOP');
    const second = await bench.launcher({ takeoverTimeoutMs: 300, stopTimeoutMs: 200 });
    await second.launch(bench.command('silent'));
    expect(isAlive(pid)).to.equal(false);
    expect((await bench.pids()).silent).not.to.equal(pid);
  });

  it('does not wait for ever for the end of one that it has killed', async () => {
    // The connection of one that the system holds stays open, like that of one that dies in the place of another.
    const stranger = await bench.stranger();
    const launcher = await bench.launcher({ killTimeoutMs: 50 });
    const command = bench.command('held');
    await launcher.launch({ ...command, args: [...command.args, `${stranger.pid}`] });
    await launcher.replace('http://127.0.0.1:1');
    expect(bench.messages.at(-1)).to.equal(
      'error: The service held is not gone after it was killed: the system holds it.',
    );
  });

  it('notes all services, however many become ready at once', async () => {
    const launcher = await bench.launcher();
    const names = Array.from({ length: 6 }, (_, index) => `service-${index}`);
    await Promise.all(names.map((name) => launcher.launch(bench.command(name))));
    expect(await bench.pids()).to.have.all.keys(names);
    await launcher.leave();
    const second = await bench.launcher();
    for (const name of names) await second.launch(bench.command(name));
    expect(bench.messages.filter((text) => text.includes('Took over'))).to.have.length(6);
  });

  it('has the newest note last, however long an older one takes', async () => {
    const notes = new LaunchedServices(bench.stateFolder);
    const service = { pid: process.pid, startTicks: 1, bootId: 'boot', command: [] };
    const older = new Promise<void>((resolve) => setTimeout(resolve, 100));
    await Promise.all([
      notes.write(() => older.then(() => ({ older: service }))),
      notes.write(async () => ({ newer: service })),
    ]);
    expect(await notes.read()).to.deep.equal({ newer: service });
  });

  it('says that a program is not there', async () => {
    const launcher = await bench.launcher();
    const launching = launcher.launch({ ...bench.command('absent'), executable: '/no/such/program' });
    const error = await expectDiaError(launching, ComponentFailedError, 'service_failed');
    expect(error.message).to.include('absent').and.to.include('ENOENT');
  });

  describe('a service that ends by itself', () => {
    const kill = async (name: string) => process.kill((await bench.pids())[name] ?? 0, 'SIGKILL');
    const countOf = (text: string) => bench.messages.filter((message) => message.includes(text)).length;

    it('is started again, and given up after the fifth time, which is told', async () => {
      const launcher = await bench.launcher();
      // As soon as it has been noted: it is never there for long.
      bench.onMessage = (text) => {
        if (text.startsWith('Started the service crashing')) void kill('crashing');
      };
      await launcher.launch(bench.command('crashing'));
      await bench.said('The service crashing is given up');
      expect(countOf('crashing again')).to.equal(5);
      expect(countOf('crashing ended unexpectedly')).to.equal(6);
    });

    it('is tried again when its start fails', async () => {
      const launcher = await bench.launcher({ restartPauseMs: 10 });
      await launcher.launch(bench.command('mended'));
      await writeFile(bench.broken, '');
      bench.onMessage = (text) => {
        if (text.includes('could not be started: it ended with code 3')) rmSync(bench.broken);
      };
      await kill('mended');
      await bench.said('Started the service mended again.');
      expect(countOf('could not be started')).to.equal(1);
    });

    it('is given up when its start fails five times', async () => {
      const launcher = await bench.launcher({ restartPauseMs: 1 });
      await launcher.launch(bench.command('broken'));
      await writeFile(bench.broken, '');
      await kill('broken');
      await bench.said('The service broken is given up');
      expect(countOf('could not be started: it ended with code 3')).to.equal(5);
    });

    it('is not forgiven by the time for which it was not there', async () => {
      // The time that forgives passes in the pause after the second start, which fails.
      const launcher = await bench.launcher({ restartPauseMs: 3_000, restartsForgottenMs: 2_500 });
      await launcher.launch(bench.command('away'));
      await kill('away');
      await bench.said('Started the service away again.');
      await writeFile(bench.broken, '');
      await kill('away');
      await bench.said('could not be started');
      await rm(bench.broken);
      await until(
        () => countOf('Started the service away again.'),
        (count) => count === 2,
        20_000,
      );
      expect(bench.counts).to.deep.equal([1, 2, 3]);
    });

    it('is forgiven what was before once it has lived for long enough', async () => {
      const launcher = await bench.launcher({ restartsForgottenMs: 1 });
      await launcher.launch(bench.command('lasting'));
      for (let times = 1; times <= 7; times += 1) {
        await kill('lasting');
        await until(
          () => countOf('Started the service lasting again.'),
          (count) => count === times,
          20_000,
        );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(new Set(bench.counts)).to.deep.equal(new Set([1]));
    });

    it('is started no more once all are ended', async () => {
      const launcher = await bench.launcher({ restartPauseMs: 100 });
      await launcher.launch(bench.command('over'));
      await writeFile(bench.broken, '');
      const isClosed = new Promise<void>((resolve, reject) => {
        bench.onMessage = (text) => {
          if (text.includes('could not be started')) launcher.close().then(resolve, reject);
        };
      });
      await kill('over');
      await isClosed;
      const said = bench.messages.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(bench.messages.slice(said)).to.deep.equal([]);
    });
  });
});
