import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { until } from '../support/calls.js';
import { acquisition, boot, simulatedDeployment, writeDeployment } from '../support/integration.js';
import { type DiaProcess, isAlive, Processes } from '../support/processes.js';

/** A service that never says that it is ready, and takes no notice of SIGTERM. */
const STUBBORN = [
  process.execPath,
  '-e',
  'process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000); console.log(process.pid);',
];

/** A component that hangs is not lost before the test is over. */
const LIMITS = { lostAfterMs: 60_000 };

const took = async (work: Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
};

describe('a service that hangs', function () {
  this.timeout(60_000);
  const processes = new Processes();
  const stopped: number[] = [];
  let data: string;
  let deployment: string;
  let server: DiaProcess;

  beforeEach(async () => {
    const folder = await processes.folder();
    data = join(folder, 'data');
    deployment = join(folder, 'deployment');
  });
  afterEach(async () => {
    for (const pid of stopped.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await processes.end();
  });

  function start(): void {
    server = processes.start(['serve', deployment, '--port', '0', '--data-dir', data, '--json']);
  }

  /** Serves a simulation, and runs an acquisition; answers its services. */
  async function serveAndRun(): Promise<Record<string, number>> {
    await writeDeployment(deployment, { ...simulatedDeployment('8x16'), limits: LIMITS });
    start();
    await server.untilStdout((text) => text.includes('\n'));
    const client = new DiaClient(JSON.parse(server.stdout).url);
    await client.setConfig(acquisition('run.h5', 100_000, 0.01));
    await client.start();
    await until(
      () => client.status(),
      ({ progress }) => (progress?.written_frames ?? 0) > 2,
    );
    return processes.namedServices(data);
  }

  it('is killed by a kill, and started again', async () => {
    const dia = await boot({ settings: { limits: LIMITS } });
    try {
      for (const name of ['writer', 'detector']) {
        await dia.client.waitForStatus('INITIALIZED');
        await dia.client.setConfig(acquisition(`${name}.h5`, 100_000, 0.01));
        await dia.client.start();
        const pids = await processes.namedServices(join(dia.folder, 'data'));
        const { [name]: pid = 0 } = pids;
        stopped.push(pid);
        process.kill(pid, 'SIGSTOP');
        expect(await dia.client.kill()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
        expect(isAlive(pid)).to.equal(false);
        const after = await processes.namedServices(join(dia.folder, 'data'));
        expect(after).to.have.all.keys(Object.keys(pids));
        expect(Object.keys(pids).filter((one) => after[one] !== pids[one])).to.deep.equal([name]);
        await dia.client.start({ sections: acquisition(`after-${name}.h5`, 5) });
        await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
        expect((await verifyFile(dia.file(`after-${name}.h5`))).framesWritten).to.equal(5);
        await dia.client.reset();
      }
    } finally {
      await dia.close();
    }
  });

  it('does not keep a server that gets SIGTERM: it ends within 3 status timeouts and 3 s', async () => {
    const { writer = 0 } = await serveAndRun();
    stopped.push(writer);
    process.kill(writer, 'SIGSTOP');
    server.signal('SIGTERM');
    // Generous for a busy machine; without the bound it would be the 20 s of a call.
    expect(await took(server.ended)).to.be.lessThan(12_000);
    expect((await server.ended).code).to.equal(0);
    expect(await servicesOf(data)).to.deep.equal([]);
  });

  describe('while the server starts', () => {
    beforeEach(async () => {
      await writeDeployment(deployment, {
        ...simulatedDeployment('8x16'),
        services: [
          ...(simulatedDeployment('8x16').services as unknown[]),
          { name: 'stubborn', command: STUBBORN, lingerMs: 60_000 },
        ],
      });
      start();
      const log = () => readFile(join(data, '.dia', 'log', 'stubborn.log'), 'utf8').catch(() => '');
      stopped.push(Number(await until(log, (text) => text.includes('\n'), 20_000)));
      expect(await servicesOf(data)).to.include(stopped.at(-1));
    });

    it('does not keep it: SIGTERM ends the start and the services', async () => {
      server.signal('SIGTERM');
      expect(await took(server.ended)).to.be.lessThan(10_000);
      expect(await server.ended).to.include({ code: 0, stdout: '' });
      expect(await servicesOf(data)).to.deep.equal([]);
    });

    it('is killed at once by a second SIGTERM', async () => {
      server.signal('SIGTERM');
      const sendAgain = setInterval(() => server.signal('SIGTERM'), 50);
      expect(await took(server.ended)).to.be.lessThan(2_500);
      clearInterval(sendAgain);
      expect((await server.ended).code).to.equal(130);
      expect(await servicesOf(data)).to.deep.equal([]);
    });
  });
});

/** Every process that was launched as a service of the controller with this data folder. */
async function servicesOf(data: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.includes(`DIA_SERVICE_SOCKET=${data}/`) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}
