import { expect } from 'chai';
import { LaunchedServices } from '../../../src/services/launchedServices.js';
import { identify } from '../../../src/services/processIdentity.js';
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
});
