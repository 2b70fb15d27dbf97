import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { NoSpaceError } from '../../src/contracts/errors.js';
import type { Writer } from '../../src/contracts/writer.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { expectDiaError, until, within } from '../support/calls.js';
import { mount, unmount } from '../support/mounts.js';
import { processesThatWriteInto } from '../support/processes.js';
import { ProcessWriterBench } from '../support/processWriter.js';
import { upTo } from '../support/writerFrames.js';

describe('h5-process with a writer in store', () => {
  let bench: ProcessWriterBench;
  let writer: Writer;

  beforeEach(async () => {
    bench = await ProcessWriterBench.open();
    writer = bench.writer('dia-writer');
    mkdirSync(bench.logFolder);
  });
  afterEach(async () => {
    await writer.disconnect();
    bench.close();
  });

  const file = (name: string) => join(bench.folder, name);
  const inStore = (count: number) =>
    until(
      () => processesThatWriteInto(bench.logFolder),
      (pids) => pids.length === count,
      10_000,
    );

  async function configure(name: string): Promise<void> {
    const common = {
      userId: -1,
      existingFile: 'number' as const,
      extra: {},
      acquisition: {},
      acquisitionId: 'a',
    };
    await writer.configure({ outputFile: file(name), frames: 10, ...common }, within());
  }

  async function writesAll(name: string): Promise<void> {
    await bench.sender.sendAll(upTo(10));
    const { statistics, error } = await until(
      () => writer.report(within()),
      ({ status }) => status === 'stopped' || status === 'error',
      10_000,
    );
    expect({ error, ...statistics }).to.include({ error: null, writtenFrames: 10, lostFrames: 0 });
    expect((await verifyFile(file(name))).framesWritten).to.equal(10);
  }

  it('leaves no writer that takes the frames of the next run when the disk of its logs is full', async function () {
    await mount(this, ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', bench.logFolder]);
    try {
      await writer.connect();
      await configure('full.h5');
      await inStore(1);
      const filler = join(bench.logFolder, 'filler');
      const filled = () => writeFileSync(filler, Buffer.alloc(1_000_000));
      expect(filled).to.throw('ENOSPC');
      const error = await expectDiaError(writer.start(within()), NoSpaceError, 'no_space');
      expect(error.message).to.include(bench.logFolder).and.to.include('ENOSPC');
      await inStore(0);
      expect(existsSync(file('full.h5'))).to.equal(false);
      rmSync(filler);
      await configure('next.h5');
      await writer.start(within());
      await writesAll('next.h5');
    } finally {
      await writer.disconnect();
      await unmount(bench.logFolder);
    }
  });

  it('starts a writer of its own when somebody has cleared the folder of its logs', async () => {
    await writer.connect();
    await configure('cleared.h5');
    await inStore(1);
    rmSync(bench.logFolder, { recursive: true });
    await writer.start(within());
    await writesAll('cleared.h5');
    await writer.disconnect();
    await inStore(0);
  });
});
