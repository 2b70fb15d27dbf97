import { link, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { failure } from '../support/calls.js';
import { acquisition, boot, type TestIntegration, untilWritten } from '../support/integration.js';

describe('a component that fails', function () {
  this.timeout(30_000);
  let dia: TestIntegration;
  const stopped: number[] = [];
  beforeEach(async () => {
    dia = await boot();
  });
  afterEach(async () => {
    for (const pid of stopped.splice(0)) process.kill(pid, 'SIGCONT');
    await dia?.close();
  });

  async function pidOf(service: string): Promise<number> {
    const pids: Record<string, number> = JSON.parse(
      await readFile(join(dia.folder, 'data', '.dia', 'services.json'), 'utf8'),
    );
    return pids[service] ?? expect.fail(`no service ${service}`);
  }

  /** Waits until the status is ERROR for a reason that begins with `text`. */
  async function untilDetails(text: string): Promise<void> {
    for await (const { data } of dia.client.events({ signal: AbortSignal.timeout(10_000) })) {
      if (String(data.details ?? '').startsWith(text)) return;
    }
    expect.fail(`no error that begins with: ${text}`);
  }

  /** Waits until nothing is under way. */
  async function settled(): Promise<void> {
    for await (const { data } of dia.client.events({ signal: AbortSignal.timeout(10_000) })) {
      if ('status' in data && (data.transition ?? null) === null) return;
    }
    expect.fail('never settled');
  }

  /** Asks until a component says `word`. */
  async function untilComponent(component: string, word: string): Promise<void> {
    const deadline = performance.now() + 10_000;
    let last: unknown;
    while (performance.now() < deadline) {
      last = (await dia.client.statusDetails()).details[component];
      if (last === word) return;
    }
    expect.fail(`the ${component} is ${last}, not ${word}`);
  }

  async function longRun(name: string): Promise<void> {
    await dia.client.setConfig(acquisition(name, 10_000, 0.01));
    await dia.client.start();
    await untilWritten(dia.client, 3);
  }

  for (const service of ['detector', 'backend', 'writer']) {
    it(`ends the run in ERROR when the ${service} dies, and goes on with its successor after a reset`, async () => {
      await longRun('dies.h5');
      process.kill(await pidOf(service), 'SIGKILL');
      const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 }));
      // A successor of the detector is idle at once: then what tells is the number of frames.
      expect(error.message).to.match(new RegExp(`${service}|Frames missing`));
      await settled();
      expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.ERROR' });
      // The others were told all the same.
      if (service !== 'detector') await untilComponent('detector', 'idle');
      if (service !== 'writer') {
        await untilComponent('writer', 'stopped');
        expect((await verifyFile(dia.file('dies.h5'))).framesWritten).to.be.greaterThan(2);
      }
      await untilComponent(
        service,
        { detector: 'idle', backend: 'INITIALIZED', writer: 'stopped' }[service] ?? '',
      );
      expect(await dia.client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
      await dia.client.setConfig(acquisition('after.h5', 5));
      await dia.client.start();
      await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
      expect((await verifyFile(dia.file('after.h5'))).framesWritten).to.equal(5);
    });
  }

  for (const service of ['detector', 'backend', 'writer']) {
    it(`ends the run in ERROR when the ${service} hangs, and resets once it answers again`, async () => {
      await longRun('hangs.h5');
      const pid = await pidOf(service);
      stopped.push(pid);
      process.kill(pid, 'SIGSTOP');
      await untilDetails(`The ${service} was lost during the acquisition`);
      process.kill(pid, 'SIGCONT');
      expect(await dia.client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
      await dia.client.setConfig(acquisition('after.h5', 5));
      await dia.client.start();
      await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
      expect((await verifyFile(dia.file('after.h5'))).framesWritten).to.equal(5);
    });
  }

  it('reports ERROR while an idle component does not answer, and clears by itself', async () => {
    const pid = await pidOf('backend');
    stopped.push(pid);
    process.kill(pid, 'SIGSTOP');
    await dia.client.waitForStatus('ERROR', { timeoutMs: 10_000 });
    expect((await dia.client.statusDetails()).details)
      .to.have.property('backend')
      .that.includes('NOT RESPONDING');
    const refused = await failure(dia.client.setConfig(acquisition('refused.h5', 5)));
    expect(refused.message).to.equal(
      'Cannot set config in IntegrationStatus.ERROR state. Please reset first.',
    );
    process.kill(pid, 'SIGCONT');
    await waitPastError(dia);
    await dia.client.setConfig(acquisition('accepted.h5', 5));
  });

  it('ends in ERROR frames_missing, and says how many of how many, when the detector exposes too few', async () => {
    await dia.client.setConfig(acquisition('few.h5', 10));
    await dia.client.setDetectorValue('frames', 4);
    await dia.client.start();
    const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 }));
    expect(error.code).to.equal('frames_missing');
    expect(error.message).to.include(`Frames missing: 4 of 10 frames are in ${dia.file('few.h5')}.`);
    const facts = await verifyFile(dia.file('few.h5'));
    expect(facts).to.include({ framesWritten: 4, complete: false });
    expect(await dia.client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('lets reset pre-empt a configure that hangs, and tells both clients', async () => {
    const pid = await pidOf('backend');
    stopped.push(pid);
    process.kill(pid, 'SIGSTOP');
    const configuring = failure(dia.client.setConfig(acquisition('hangs.h5', 5)));
    for await (const { data } of dia.client.events()) if (data.transition === 'configuring') break;
    const resetting = dia.client.reset();
    expect((await configuring).code).to.equal('preempted');
    process.kill(pid, 'SIGCONT');
    expect(await resetting).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });

  it('ends the run when another file takes the place of its own, and harms neither', async () => {
    await longRun('mine.h5');
    await writeFile(dia.file('other.txt'), 'notes');
    await link(dia.file('mine.h5'), dia.file('moved.h5'));
    await rename(dia.file('other.txt'), dia.file('mine.h5'));
    const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 }));
    expect(error.code).to.equal('component_failed');
    expect(error.message).to.include(dia.file('mine.h5')).and.include('another file has taken its place');
    expect(await readFile(dia.file('mine.h5'), 'utf8')).to.equal('notes');
    expect((await verifyFile(dia.file('moved.h5'))).framesWritten).to.be.at.least(3);
  });

  it('ends the run when somebody else moves a component', async () => {
    await longRun('moved.h5');
    await dia.client.backend('reset').catch(() => undefined);
    const error = await failure(dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 }));
    expect(error.message).to.include('backend is INITIALIZED');
  });
});

/** Waits until the status is INITIALIZED again; ERROR on the way is expected. */
async function waitPastError({ client }: TestIntegration): Promise<void> {
  const abort = AbortSignal.timeout(10_000);
  for await (const { data } of client.events({ signal: abort })) {
    if (data.status === 'IntegrationStatus.INITIALIZED') return;
  }
  expect.fail('the status did not clear');
}
