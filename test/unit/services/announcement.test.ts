import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Announcement, announceService } from '../../../src/services/announcement.js';
import { ControllerSocket } from '../../support/controllerSocket.js';

describe('service announcement', () => {
  let folder: string;
  let socketPath: string;
  let controller: ControllerSocket | null;
  let announcement: Announcement | null;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dia-announce-'));
    socketPath = join(folder, 'services.sock');
    controller = null;
    announcement = null;
  });
  afterEach(async () => {
    announcement?.close();
    await controller?.disappear();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Announces a service; `left` settles with the reason when the service ends itself. */
  function announce(lingerMs: number, isBusy: () => boolean = () => false): Promise<string> {
    return new Promise((resolve) => {
      announcement = announceService({
        endpoints: { http: 'http://127.0.0.1:1234' },
        isBusy,
        onStop: async (reason) => resolve(reason),
        environment: {
          DIA_SERVICE_SOCKET: socketPath,
          DIA_SERVICE_NAME: 'writer',
          DIA_SERVICE_LINGER_MS: String(lingerMs),
        },
      });
    });
  }

  it('tells the controller its name, process and endpoints', async () => {
    controller = await ControllerSocket.listen(socketPath);
    announce(60_000);
    expect(await controller.hello(1)).to.deep.equal({
      name: 'writer',
      pid: process.pid,
      endpoints: { http: 'http://127.0.0.1:1234' },
    });
  });

  it('finds a controller that comes later', async () => {
    announce(60_000);
    controller = await ControllerSocket.listen(socketPath);
    expect((await controller.hello(1)).name).to.equal('writer');
  });

  it('announces itself again to a restarted controller', async () => {
    const first = await ControllerSocket.listen(socketPath);
    announce(60_000);
    await first.hello(1);
    await first.disappear();
    controller = await ControllerSocket.listen(socketPath);
    expect((await controller.hello(1)).pid).to.equal(process.pid);
  });

  it('leaves when no controller comes back within the grace time, and not before', async () => {
    controller = await ControllerSocket.listen(socketPath);
    const left = announce(200);
    await controller.hello(1);
    const goneAtMs = performance.now();
    await controller.disappear();
    expect(await left).to.contain('no controller');
    expect(performance.now() - goneAtMs).to.be.within(199, 2000);
  });

  it('leaves when there never was a controller', async () => {
    expect(await announce(50)).to.contain('no controller');
  });

  it('stays while a run goes on, and starts the grace time anew when it ends', async () => {
    const busyUntilMs = performance.now() + 300;
    await announce(100, () => performance.now() < busyUntilMs);
    // The last look that saw the run may be up to one look (a quarter of the grace time) before its end.
    expect(performance.now()).to.be.at.least(busyUntilMs + 60);
  });

  it('does not leave while the controller is connected', async () => {
    controller = await ControllerSocket.listen(socketPath);
    let left = false;
    announce(20).then(() => {
      left = true;
    });
    await controller.hello(1);
    // Bounded watch for something that must not happen: ten grace times.
    const endMs = performance.now() + 200;
    while (performance.now() < endMs && !left) await new Promise((resolve) => setImmediate(resolve));
    expect(left).to.equal(false);
  });

  it('prints its endpoints as one line of JSON when started by hand', () => {
    const lines: string[] = [];
    announcement = announceService({
      endpoints: { control: 'tcp://127.0.0.1:1' },
      isBusy: () => false,
      onStop: async () => undefined,
      environment: { DIA_SERVICE_NAME: 'detector' },
      print: (line) => lines.push(line),
    });
    expect(lines.map((line) => JSON.parse(line))).to.deep.equal([
      { name: 'detector', pid: process.pid, endpoints: { control: 'tcp://127.0.0.1:1' } },
    ]);
  });

  it('takes its signal handlers back when closed', () => {
    const before = process.listenerCount('SIGTERM');
    announcement = announceService({
      endpoints: {},
      isBusy: () => false,
      onStop: async () => undefined,
      environment: {},
      print: () => undefined,
    });
    expect(process.listenerCount('SIGTERM')).to.equal(before + 1);
    announcement.close();
    expect(process.listenerCount('SIGTERM')).to.equal(before);
  });
});
