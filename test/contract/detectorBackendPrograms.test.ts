import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Dealer } from 'zeromq';
import { OdinControl } from '../../src/adapters/transport/odinControl.js';
import { within } from '../support/calls.js';
import { ControllerSocket } from '../support/controllerSocket.js';
import { runToEnd, ServiceProcess } from '../support/serviceProcess.js';

const PROGRAMS = [
  { program: 'simulation/detector', args: ['--shape', '8x8'], endpoints: ['control', 'frames'] },
  {
    program: 'simulation/backend',
    args: ['--frames-from', 'tcp://127.0.0.1:9'],
    endpoints: ['frames', 'http'],
  },
] as const;

for (const { program, args, endpoints } of PROGRAMS) {
  describe(`program ${program}`, () => {
    let service: ServiceProcess | null = null;
    afterEach(async () => {
      await service?.stop();
      service = null;
    });

    it('listens on the local host, on ports that the system chose, and says where', async () => {
      service = await ServiceProcess.start(program, args);
      expect(Object.keys(service.endpoints).sort()).to.deep.equal(endpoints);
      for (const endpoint of Object.values(service.endpoints)) {
        expect(endpoint).to.match(/^(tcp|http):\/\/127\.0\.0\.1:\d+$/);
      }
    });

    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      it(`ends with 0 on ${signal}, at once`, async () => {
        service = await ServiceProcess.start(program, args);
        const beganMs = performance.now();
        service.signal(signal);
        expect(await service.ended()).to.equal(0);
        expect(performance.now() - beganMs).to.be.below(1000);
      });
    }

    it('says what is wrong with its options and ends with 2', async () => {
      const { code, log } = await runToEnd(program, [...args, '--frames-port', 'many']);
      expect(code).to.equal(2);
      expect(log).to.contain('--frames-port');
      expect((await runToEnd(program, [...args, '--colour', 'red'])).code).to.equal(2);
    });

    it('announces itself to the controller, outlives it for the grace time, and ends with 0', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'dia-program-'));
      const socketPath = join(folder, 's.sock');
      const controller = await ControllerSocket.listen(socketPath);
      const ended = runToEnd(program, args, {
        DIA_SERVICE_SOCKET: socketPath,
        DIA_SERVICE_NAME: 'under-test',
        DIA_SERVICE_LINGER_MS: '150',
      });
      const hello = await controller.hello(1);
      expect(hello.name).to.equal('under-test');
      expect(Object.keys(hello.endpoints).sort()).to.deep.equal(endpoints);
      const goneAtMs = performance.now();
      await controller.disappear();
      expect((await ended).code).to.equal(0);
      expect(performance.now() - goneAtMs).to.be.at.least(149);
      rmSync(folder, { recursive: true, force: true });
    });
  });
}

describe('the simulated detector without a controller', () => {
  it('stays until its run is over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dia-program-'));
    const socketPath = join(folder, 's.sock');
    const controller = await ControllerSocket.listen(socketPath);
    const ended = runToEnd('simulation/detector', ['--shape', '8x8'], {
      DIA_SERVICE_SOCKET: socketPath,
      DIA_SERVICE_LINGER_MS: '50',
    });
    const { endpoints } = await controller.hello(1);
    const control = new OdinControl({ component: 'detector', endpoint: endpoints.control ?? '' });
    await control.connect();
    await control.request('configure', { detector: { frames: 21, period: 0.02 } }, within());
    await control.request('execute', { detector: { command: 'start' } }, within());
    await controller.disappear();
    await control.close();
    const { code, log } = await ended;
    expect(code).to.equal(0);
    expect(log).to.contain('21 frames sent, 21 dropped');
    rmSync(folder, { recursive: true, force: true });
  });

  it('ends with 0 on the shutdown command, which it acknowledges', async () => {
    const service = await ServiceProcess.start('simulation/detector', ['--shape', '8x8']);
    // Not the project's client: that may miss a reply right before the end of the connection.
    const client = new Dealer({ linger: 0, receiveTimeout: 5000 });
    client.connect(service.endpoint('control'));
    await client.send(JSON.stringify({ msg_type: 'cmd', msg_val: 'shutdown', id: 5, params: {} }));
    const [reply] = await client.receive();
    expect(JSON.parse(String(reply))).to.include({ msg_type: 'ack', msg_val: 'shutdown', id: 5 });
    client.close();
    expect(await service.ended()).to.equal(0);
  });
});
