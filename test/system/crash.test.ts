import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure } from '../support/calls.js';
import { acquisition, simulatedDeployment, untilWritten, writeDeployment } from '../support/integration.js';
import { type DiaProcess, isAlive, Processes } from '../support/processes.js';

/** Its services wait for the next controller for as long as a busy machine may take to start it. */
function patientDeployment() {
  const { services, ...rest } = simulatedDeployment('32x64');
  return { ...rest, services: services.map((service) => ({ ...service, lingerMs: 60_000 })) };
}

describe('a controller that is killed with kill -9 and started again', function () {
  this.timeout(90_000);
  const processes = new Processes();
  let data: string;
  let deployment: string;
  let server: DiaProcess;
  let client: DiaClient;

  async function serve(): Promise<void> {
    server = processes.start(['serve', deployment, '--port', '0', '--data-dir', data, '--json']);
    await server.untilStdout((text) => text.includes('\n'));
    client = new DiaClient(JSON.parse(server.stdout).url);
  }

  function ended(signal: NodeJS.Signals): Promise<unknown> {
    server.signal(signal);
    return server.ended;
  }

  async function crash(): Promise<void> {
    server.signal('SIGKILL');
    await server.ended;
  }

  const crashAndServe = async () => {
    await crash();
    await serve();
  };

  beforeEach(async () => {
    const folder = await processes.folder();
    data = join(folder, 'data');
    deployment = join(folder, 'deployment');
    await writeDeployment(deployment, patientDeployment());
    await serve();
  });

  afterEach(async () => {
    server.signal('SIGTERM');
    await server.ended;
    await processes.end();
  });

  it('takes over the services, and is INITIALIZED with the last config when it was', async () => {
    const services = await processes.services(data);
    await client.setConfig(acquisition('remembered.h5', 7));
    await client.reset();
    await crashAndServe();
    expect(await processes.services(data)).to.have.members(services);
    expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    expect((await client.config()).config).to.deep.equal(acquisition('remembered.h5', 7));
    await client.reapplyConfig();
    await client.start();
    await client.waitForStatus('FINISHED');
    expect((await verifyFile(`${data}/remembered.h5`)).framesWritten).to.equal(7);
  });

  it('is CONFIGURED when it was, and starts', async () => {
    await client.setConfig(acquisition('configured.h5', 7));
    await crashAndServe();
    const answer = await client.status();
    expect(answer.status, answer.details).to.equal('IntegrationStatus.CONFIGURED');
    await client.start();
    await client.waitForStatus('FINISHED');
    expect((await verifyFile(`${data}/configured.h5`)).framesWritten).to.equal(7);
  });

  it('loses no frame of a run at 500 Hz, and no setting made meanwhile, through three crashes', async () => {
    await client.setConfig(acquisition('survivor.h5', 3_000, 0.002));
    const { file } = await client.start();
    for (let crashes = 0; crashes < 3; crashes++) {
      await untilWritten(client, 100 * (crashes + 1));
      const overlay = { detector: { exptime: 0.0001 * (crashes + 1) } };
      await client.setClientConfiguration({ main: overlay });
      await crashAndServe();
      expect((await client.clientConfiguration('main')).client_configuration).to.deep.equal(overlay);
      const { status, details } = await client.status();
      expect(status, `after crash ${crashes + 1}: ${details}`).to.match(/RUNNING|DETECTOR_STOPPED|FINISHED/);
      expect(server.stderr, 'a run that is taken over is no error').not.to.include('"level":"error"');
    }
    await client.waitForStatus('FINISHED', { timeoutMs: 60_000 });
    expect(await client.status()).to.include({ file });
    const facts = await verifyFile(file ?? '');
    expect(facts).to.include({ framesWritten: 3_000, framesLost: 0, complete: true });
  });

  it('goes on with a run that SIGTERM has left to it, where the deployment says so', async () => {
    await ended('SIGTERM');
    await writeDeployment(deployment, { ...patientDeployment(), onTerminate: 'leave' });
    await serve();
    const services = await processes.services(data);
    await client.setConfig(acquisition('left.h5', 500, 0.005));
    await client.start();
    await untilWritten(client, 50);
    expect(await ended('SIGTERM')).to.deep.include({ code: 0 });
    await serve();
    expect(await processes.services(data)).to.have.members(services);
    await client.waitForStatus('FINISHED', { timeoutMs: 20_000 });
    expect((await verifyFile(`${data}/left.h5`)).framesWritten).to.equal(500);
    expect(await ended('SIGINT')).to.deep.include({ code: 0 });
    for (const pid of services) expect(() => process.kill(pid, 0)).to.throw('ESRCH');
  });

  describe('in the middle of a run, and whose successor does not get as far as to serve', () => {
    let services: number[];

    beforeEach(async () => {
      services = await processes.services(data);
      await client.setConfig(acquisition('handed-on.h5', 2_000, 0.002));
      await client.start();
      await untilWritten(client, 50);
      await crash();
    });

    /** The run is found by the next controller as if there had been none between. */
    async function findRun(): Promise<void> {
      await serve();
      expect(await processes.services(data)).to.have.members(services);
      await client.waitForStatus('FINISHED', { timeoutMs: 40_000 });
      const facts = await verifyFile(`${data}/handed-on.h5`);
      expect(facts).to.include({ framesWritten: 2_000, framesLost: 0, complete: true });
    }

    it('loses nothing when its port is taken', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      try {
        const { port } = other.address() as AddressInfo;
        const args = ['serve', deployment, '--port', `${port}`, '--data-dir', data];
        const failed = await processes.run(args);
        expect(failed.code).to.not.equal(0);
        expect(failed.stderr).to.include('goes on with running').and.to.include(`${port}`);
      } finally {
        other.close();
      }
      await findRun();
    });

    it('loses nothing when a service of it cannot be started', async () => {
      const broken = { name: 'broken', command: [process.execPath, '-e', 'process.exit(3)'] };
      const { services: others, ...rest } = patientDeployment();
      await writeDeployment(deployment, { ...rest, services: [broken, ...others] });
      const failed = await processes.run(['serve', deployment, '--port', '0', '--data-dir', data]);
      expect(failed.stderr).to.include('The service broken could not be started');
      await writeDeployment(deployment, patientDeployment());
      await findRun();
    });

    for (const [signal, onTerminate] of [
      ['SIGTERM', 'leave'],
      ['SIGTERM', 'stop'],
      ['SIGINT', 'leave'],
    ] as const) {
      const leaves = signal === 'SIGTERM' && onTerminate === 'leave';
      const does = leaves ? 'leaves the run' : 'ends the services';
      it(`${does} on ${signal} while it starts, where onTerminate is ${onTerminate}`, async () => {
        const silent = { name: 'silent', command: [process.execPath, '-e', 'setInterval(() => 0, 1000)'] };
        const { services: others, ...rest } = patientDeployment();
        await writeDeployment(deployment, { ...rest, onTerminate, services: [...others, silent] });
        server = processes.start(['serve', deployment, '--port', '0', '--data-dir', data, '--json']);
        // It waits for the other one now, in vain, and has not come to the backend and the writer yet.
        await server.untilStderr((text) => text.includes('Took over the service detector'));
        expect(await ended(signal)).to.include({ code: 0, stdout: '' });
        if (leaves) {
          await writeDeployment(deployment, patientDeployment());
          await findRun();
        } else {
          for (const pid of services) expect(isAlive(pid), `${pid}`).to.equal(false);
        }
      });
    }
  });

  it('finishes a run that ended while nobody was there', async () => {
    await client.setConfig(acquisition('alone.h5', 100, 0.005));
    await client.start();
    await crash();
    await new Promise<void>((resolve) => setTimeout(resolve, 800));
    await serve();
    await client.waitForStatus('FINISHED');
    expect((await verifyFile(`${data}/alone.h5`)).framesWritten).to.equal(100);
  });

  for (const service of ['detector', 'backend']) {
    it(`starts anew what was connected to a ${service} that died with it`, async () => {
      const pids = await processes.namedServices(data);
      await crash();
      process.kill(pids[service] ?? 0, 'SIGKILL');
      await serve();
      await client.reset();
      await client.setConfig(acquisition(`without-${service}.h5`, 10));
      await client.start();
      await client.waitForStatus('FINISHED');
      expect((await verifyFile(`${data}/without-${service}.h5`)).framesWritten).to.equal(10);
    });
  }

  it('is FINISHED when it was', async () => {
    await client.setConfig(acquisition('finished.h5', 5));
    await client.start();
    await client.waitForStatus('FINISHED');
    await crashAndServe();
    // Killed a moment after the end, it may have to look at the file again.
    await client.waitForStatus('FINISHED');
    expect(await client.status()).to.include({ file: `${data}/finished.h5` });
  });

  it('is in ERROR and says what disagrees when a component moved meanwhile', async () => {
    await client.setConfig(acquisition('moved.h5', 5));
    const url = (await client.serverInfo()).server_info.clients.backend ?? '';
    await crash();
    expect((await fetch(`${url}/v1/state/reset`, { method: 'POST', body: '{}' })).status).to.equal(200);
    await serve();
    const { status, details } = await client.status();
    expect(status).to.equal('IntegrationStatus.ERROR');
    expect(details).to.include('the backend is INITIALIZED, not CONFIGURED or OPEN');
    expect(await client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('does not let a second controller in, and names the first', async () => {
    const second = await processes.run(['serve', deployment, '--port', '0', '--data-dir', data]);
    expect(second.code).not.to.equal(0);
    expect(second.stderr).to.include(`process ${server.child.pid}`);
    expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('is in a state of the table at whatever moment it was killed, and resets', async () => {
    for (const delayMs of [0, 2, 5, 10, 20, 40]) {
      const command = failure(client.start({ sections: acquisition(`moment-${delayMs}.h5`, 2_000, 0.002) }));
      await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
      await crash();
      await command.catch(() => undefined);
      await serve();
      const { status } = await client.status();
      expect(status, `killed after ${delayMs} ms`).to.match(
        /^IntegrationStatus\.(INITIALIZED|CONFIGURED|RUNNING|ERROR)$/,
      );
      expect(await client.reset(), `killed after ${delayMs} ms`).to.include({
        status: 'IntegrationStatus.INITIALIZED',
      });
    }
  });
});
