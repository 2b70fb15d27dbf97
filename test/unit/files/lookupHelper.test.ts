import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ComponentFailedError, ComponentSilentError } from '../../../src/contracts/errors.js';
import { LookupHelper } from '../../../src/files/lookupHelper.js';
import { PROGRAM_FILES } from '../../../src/programFiles.js';
import { expectDiaError } from '../../support/calls.js';

/** A process that is stopped answers as little as one that waits for a dead disk. */
describe('LookupHelper', () => {
  let folder: string;
  let helper: LookupHelper;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'dia-lookups-')));
    await symlink(folder, join(folder, 'link'));
    helper = new LookupHelper();
  });

  afterEach(async () => {
    helper.close();
    await rm(folder, { recursive: true });
  });

  const stop = () => process.kill(helper.pid ?? 0, 'SIGSTOP');

  it('looks at paths and disks', async () => {
    const lookups = helper.within(10_000);
    expect(await lookups.locate(join(folder, 'link', 'new', 'run.h5'))).to.deep.equal({
      path: join(folder, 'new', 'run.h5'),
    });
    expect(await lookups.kind(join(folder, 'link'))).to.equal('link');
    expect(await lookups.kind(join(folder, 'nothing'))).to.equal(null);
    expect((await lookups.disk(folder)).freeBytes).to.be.above(0);
  });

  it('says which part of a path leads nowhere', async () => {
    const dangling = join(folder, 'dangling');
    await symlink(join(folder, 'nothing'), dangling);
    expect(await helper.within(10_000).locate(join(dangling, 'run.h5'))).to.deep.equal({
      deadEnd: dangling,
      code: 'ENOENT',
    });
  });

  it('answers many looks at once, each with its own answer', async () => {
    const lookups = helper.within(10_000);
    const names = Array.from({ length: 200 }, (_, index) => `${index % 100}`);
    const found = await Promise.all(names.map((name) => lookups.locate(join(folder, 'link', name))));
    expect(found).to.deep.equal(names.map((name) => ({ path: join(folder, name) })));
  });

  it("passes on the system's code", async () => {
    const error = await helper
      .within(10_000)
      .disk(join(folder, 'nothing'))
      .catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'ENOENT' });
  });

  it('gives up a look that hangs when its time is over, and says what hangs', async () => {
    helper.start();
    const hanging = helper.pid;
    stop();
    const startedMs = performance.now();
    const error = await helper
      .within(200)
      .disk(folder)
      .catch((thrown: unknown) => thrown);
    expect(performance.now() - startedMs).to.be.within(190, 5_000);
    expect(error).to.be.instanceOf(ComponentSilentError);
    const { message, facts } = error as ComponentSilentError;
    expect(message).to.include(folder).and.to.include('200 ms');
    expect(facts).to.include.keys('component', 'operation', 'expected', 'actual', 'hint');
    // The next one has a process of its own.
    expect((await helper.within(10_000).disk(folder)).freeBytes).to.be.above(0);
    expect(helper.pid).not.to.equal(hanging);
  });

  it('replaces a process that hangs once, however many looks of a command it keeps', async () => {
    let started = 0;
    const counted = new LookupHelper(() => {
      started += 1;
      return fork(PROGRAM_FILES.lookups, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    });
    try {
      process.kill(counted.start().pid ?? 0, 'SIGSTOP');
      const lookups = counted.within(200);
      const names = Array.from({ length: 64 }, (_, index) => `${index}`);
      const looks = await Promise.allSettled(names.map((name) => lookups.kind(join(folder, name))));
      expect(looks.filter(({ status }) => status === 'rejected')).to.have.length(64);
      expect(await counted.within(10_000).kind(folder)).to.equal('folder');
      expect(started).to.equal(2);
    } finally {
      counted.close();
    }
  });

  it('says that it did not look, nor wait, while four processes hang that cannot be ended', async () => {
    const immortal: ChildProcess[] = [];
    const stuck = new LookupHelper(() => {
      const child = fork(PROGRAM_FILES.lookups, {
        execArgv: [],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      child.kill = () => true;
      process.kill(child.pid ?? 0, 'SIGSTOP');
      immortal.push(child);
      return child;
    });
    const look = async (timeoutMs: number) =>
      (await expectDiaError(stuck.within(timeoutMs).kind(folder), ComponentSilentError, 'component_timeout'))
        .message;
    try {
      for (let times = 0; times < 4; times += 1) expect(await look(50)).to.include('more than 50 ms');
      const refused = await look(60_000);
      expect(refused).to.include(folder).and.to.include('not looked at').and.not.to.include('ms');
      const ended = immortal.slice(0, 1).map((child) => once(child, 'exit'));
      process.kill(immortal[0]?.pid ?? 0, 'SIGKILL');
      await Promise.all(ended);
      expect(await look(50)).to.include('more than 50 ms');
    } finally {
      for (const { pid } of immortal.slice(1)) process.kill(pid ?? 0, 'SIGKILL');
    }
  });

  it('answers those that wait behind a look that hangs, once it is given up', async () => {
    helper.start();
    stop();
    const behind = helper.within(10_000).locate(join(folder, 'link'));
    const hanging = await helper
      .within(100)
      .kind(folder)
      .catch((thrown: unknown) => thrown);
    expect(hanging).to.be.instanceOf(ComponentSilentError);
    expect(await behind).to.deep.equal({ path: folder });
  });

  it('looks again once the system starts processes again, however often it did not', async () => {
    let isFull = true;
    const full = new LookupHelper(() =>
      fork(PROGRAM_FILES.lookups, isFull ? { execPath: '/no/such/program' } : {}),
    );
    try {
      full.start();
      for (let times = 0; times < 6; times += 1) {
        const looks = [full.within(300).kind(folder), full.within(300).disk(folder)];
        for (const { message } of await Promise.all(
          looks.map((look) => expectDiaError(look, ComponentFailedError, 'component_failed')),
        )) {
          expect(message).to.include('ENOENT');
        }
      }
      isFull = false;
      expect(await full.within(10_000).kind(folder)).to.equal('folder');
    } finally {
      full.close();
    }
  });

  it('counts the time of all looks of a command together', async () => {
    const lookups = helper.within(300);
    await lookups.kind(folder);
    stop();
    const startedMs = performance.now();
    await Promise.allSettled([lookups.kind(folder), lookups.kind(folder)]);
    const late = await lookups.kind(folder).catch((thrown: unknown) => thrown);
    expect(late).to.be.instanceOf(ComponentSilentError);
    expect(performance.now() - startedMs).to.be.below(5_000);
  });
});
