import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { failure } from '../support/calls.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

const LOOKUP_TIMEOUT_MS = 1_500;

/** The process of this one's that looks at disks. */
async function lookupProcess(): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [command, status] = await Promise.all(
      ['cmdline', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    if (command?.includes('lookupProgram') && status?.includes(`PPid:\t${process.pid}\n`)) return Number(pid);
  }
  throw new Error('There is no process that looks at disks.');
}

describe('a disk that hangs when it is looked at', function () {
  this.timeout(60_000);
  let dia: TestIntegration;

  beforeEach(async () => {
    dia = await boot({ settings: { limits: { lookupTimeoutMs: LOOKUP_TIMEOUT_MS } } });
  });
  afterEach(() => dia?.close());

  it('ends the command in time with a named error, and keeps nobody else waiting', async () => {
    // To us, a process that is stopped is like one that the system holds in a look at a dead network disk.
    process.kill(await lookupProcess(), 'SIGSTOP');
    const startedMs = performance.now();
    const started = failure(dia.client.start({ sections: acquisition('run.h5', 3) }));
    let isOver = false;
    void started.then(() => {
      isOver = true;
    });
    await dia.client.status();
    await dia.client.statusDetails();
    await dia.client.config();
    expect(isOver).to.equal(false);
    const error = await started;
    expect(performance.now() - startedMs).to.be.within(LOOKUP_TIMEOUT_MS, 10_000);
    expect(error).to.include({ httpStatus: 504, code: 'component_timeout' });
    expect(error.facts).to.include({ component: 'writer', operation: 'look at the disk' });
    expect(error.facts.hint).to.include('Nothing was sent to a component.');
    expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    // The disk is back.
    await dia.client.start({ sections: acquisition('run.h5', 3) });
    await dia.client.waitForStatus('FINISHED', { timeoutMs: 20_000 });
  });
});
