import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  ComponentFailedError,
  ComponentSilentError,
  InvalidRequestError,
  WrongStateError,
} from '../../src/contracts/errors.js';
import type { JsonObject } from '../../src/contracts/json.js';
import type { Writer, WriterParameters } from '../../src/contracts/writer.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { expectDiaError, thrownBy, until, within } from '../support/calls.js';
import { ProcessWriterBench } from '../support/processWriter.js';
import { upTo } from '../support/writerFrames.js';

describe('h5-process over the lives of the C++ writer', () => {
  let bench: ProcessWriterBench;
  let writers: Writer[];

  beforeEach(async () => {
    bench = await ProcessWriterBench.open();
    writers = [];
  });
  afterEach(async () => {
    for (const writer of writers) await writer.disconnect();
    bench.close();
  });

  const file = (name = 'run.h5') => join(bench.folder, name);

  async function connect(options: JsonObject = {}, declared: readonly string[] = []): Promise<Writer> {
    const writer = bench.writer(bench.cppWriter(declared), options);
    writers.push(writer);
    await writer.connect();
    return writer;
  }

  function parameters(changes: Partial<WriterParameters> = {}): WriterParameters {
    return {
      outputFile: file(),
      frames: 10,
      userId: -1,
      existingFile: 'number',
      extra: {},
      acquisition: {},
      acquisitionId: 'lives',
      ...changes,
    };
  }

  async function start(writer: Writer, changes: Partial<WriterParameters> = {}): Promise<void> {
    await writer.configure(parameters(changes), within());
    await writer.start(within());
  }

  const report = (writer: Writer) => writer.report(within());
  const writes = (writer: Writer, frames: number) =>
    until(
      () => report(writer),
      ({ statistics }) => statistics.writtenFrames === frames,
    );
  const ends = (writer: Writer) =>
    until(
      () => report(writer),
      ({ status }) => status === 'stopped' || status === 'error',
    );

  it('complete: is stopped after its exit, with every frame counted in the file', async () => {
    const writer = await connect();
    await start(writer);
    await bench.sender.sendAll(upTo(10));
    const { status, statistics, error } = await ends(writer);
    expect({ status, error }).to.deep.equal({ status: 'stopped', error: null });
    expect(statistics).to.include({
      writtenFrames: 10,
      receivedFrames: 10,
      lostFrames: 0,
      expectedFrames: 10,
    });
    expect(statistics.writtenBytes).to.be.greaterThan(0);
    expect((await verifyFile(file())).framesWritten).to.equal(10);
  });

  it('complete: counts the file when nobody asked while it lived', async () => {
    const writer = await connect();
    await start(writer);
    const { pid } = bench;
    await bench.sender.sendAll(upTo(10));
    await until(
      () => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`).length > 0,
      (alive) => !alive,
    );
    expect((await ends(writer)).statistics).to.include({ writtenFrames: 10, lostFrames: 0 });
  });

  it('stopped midway: keeps the frames so far, and counts those that never came as lost', async () => {
    const writer = await connect();
    await start(writer);
    await bench.sender.sendAll(upTo(4));
    await writes(writer, 4);
    await writer.stop(within());
    const { status, statistics } = await report(writer);
    expect({ status, ...statistics }).to.include({ status: 'stopped', writtenFrames: 4, lostFrames: 6 });
    expect((await verifyFile(file())).framesWritten).to.equal(4);
  });

  it('stopped without frames: is stopped without a file, though it aborts and leaves 96 unreadable bytes', async () => {
    const writer = await connect();
    await start(writer);
    expect(statSync(file()).size).to.equal(96);
    await writer.stop(within());
    const stopped = await report(writer);
    expect(stopped).to.deep.include({ status: 'stopped', file: null, error: null });
    expect(existsSync(file())).to.equal(false);
  });

  it('killed midway: is stopped, and what was written stays', async () => {
    const writer = await connect();
    await start(writer);
    await bench.sender.sendAll(upTo(4));
    await writes(writer, 4);
    await writer.kill(within());
    expect((await report(writer)).status).to.equal('stopped');
    expect((await verifyFile(file())).framesWritten).to.equal(4);
  });

  for (const how of ['stop', 'reset', 'kill'] as const) {
    it(`given up while it starts: nothing of it is left once ${how} is done, and the next run keeps its name`, async () => {
      const writer = await connect();
      await writer.configure(parameters({ existingFile: 'overwrite' }), within());
      const abort = new AbortController();
      const given = thrownBy(writer.start({ ...within(), signal: abort.signal }));
      await until(
        () => existsSync(file()),
        (reserved) => reserved,
      );
      const reason = new Error('preempted');
      abort.abort(reason);
      await writer[how](within());
      expect(existsSync(file())).to.equal(false);
      await start(writer, { existingFile: 'overwrite' });
      expect(await given).to.equal(reason);
      const { pid } = bench;
      expect(existsSync(`/proc/${pid}`)).to.equal(true);
      await bench.sender.sendAll(upTo(10));
      expect((await ends(writer)).statistics).to.include({ writtenFrames: 10, lostFrames: 0 });
      expect((await verifyFile(file())).framesWritten).to.equal(10);
    });
  }

  it('unknown parameter: says that the writer refused it, and leaves neither process nor file', async () => {
    const writer = await connect({ parameters: ['nosuch'] });
    await writer.configure(parameters({ extra: { nosuch: 1 } }), within());
    const error = await expectDiaError(writer.start(within()), ComponentFailedError, 'component_refused');
    expect(error.facts.actual).to.deep.equal(['nosuch']);
    expect(existsSync(file())).to.equal(false);
    expect((await report(writer)).status).to.equal('configured');
  });

  it('has the file that it was to replace as it was, when it does not start', async () => {
    writeFileSync(file(), 'old');
    const writer = await connect({ parameters: ['nosuch'] });
    await writer.configure(parameters({ extra: { nosuch: 1 }, existingFile: 'overwrite' }), within());
    await expectDiaError(writer.start(within()), ComponentFailedError, 'component_refused');
    expect(readFileSync(file(), 'utf8')).to.equal('old');
    expect(readdirSync(bench.folder).filter((name) => name.endsWith('.replaced'))).to.deep.equal([]);
  });

  it('replaces a file when it starts', async () => {
    writeFileSync(file(), 'old');
    const writer = await connect();
    await start(writer, { existingFile: 'overwrite' });
    await bench.sender.sendAll(upTo(10));
    expect((await ends(writer)).statistics).to.include({ writtenFrames: 10 });
    expect(readdirSync(bench.folder).filter((name) => name.endsWith('.replaced'))).to.deep.equal([]);
  });

  it('sends only the parameters that the deployment declares', async () => {
    const writer = await connect({ parameters: ['general/user'] }, ['general/user']);
    await start(writer, { extra: { 'general/user': 'p11057', nosuch: 1 }, frames: 1 });
    await bench.sender.sendAll([0]);
    expect((await ends(writer)).error).to.equal(null);
  });

  it('out of order after a gap: is an error that tells the signal and the end of the log', async () => {
    const writer = await connect();
    await start(writer, { frames: 6 });
    await bench.sender.sendAll([0, 1, 4, 3]);
    const { status, error } = await ends(writer);
    expect(status).to.equal('error');
    expect(error).to.contain('SIGABRT').and.contain('log');
  });

  it('SIGTERM from outside: is stopped with what there is', async () => {
    const writer = await connect();
    await start(writer);
    await bench.sender.sendAll(upTo(4));
    await writes(writer, 4);
    process.kill(bench.pid, 'SIGTERM');
    const { status, statistics } = await ends(writer);
    expect({ status, ...statistics }).to.include({ status: 'stopped', writtenFrames: 4, lostFrames: 6 });
  });

  it('SIGKILL from outside: is an error', async () => {
    const writer = await connect();
    await start(writer);
    await bench.sender.sendAll(upTo(4));
    await writes(writer, 4);
    process.kill(bench.pid, 'SIGKILL');
    const { status, error } = await ends(writer);
    expect(status).to.equal('error');
    expect(error).to.contain('SIGKILL');
  });

  it('hung: is ended by force when asked to stop', async () => {
    const writer = await connect({ stopTimeoutMs: 100 });
    await start(writer);
    const { pid } = bench;
    process.kill(pid, 'SIGSTOP');
    await writer.stop(within(1500));
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
    expect((await report(writer)).status).to.equal('stopped');
  });

  it('is found again by the next controller, which sees it to its end', async () => {
    const first = await connect();
    await start(first);
    await bench.sender.sendAll(upTo(4));
    await writes(first, 4);
    await first.disconnect();
    const second = await connect();
    expect(await report(second)).to.deep.include({ status: 'writing', file: file() });
    await expectDiaError(
      second.configure(parameters(), within()),
      ComponentFailedError,
      'component_wrong_state',
    );
    await bench.sender.sendAll([4, 5, 6, 7, 8, 9]);
    const { status, statistics } = await ends(second);
    expect({ status, ...statistics }).to.include({ status: 'stopped', writtenFrames: 10 });
  });

  it('is stopped by the next controller when that resets', async () => {
    const first = await connect();
    await start(first);
    const { pid } = bench;
    await first.disconnect();
    const second = await connect();
    await second.reset(within());
    await until(
      () => existsSync(`/proc/${pid}/exe`),
      (alive) => !alive,
    );
    expect(await report(second)).to.deep.include({ status: 'stopped', file: null });
  });

  it('does not take another process with the same pid for the writer', async () => {
    const first = await connect();
    await start(first, { frames: 1 });
    const note = join(bench.logFolder, 'writer.run.json');
    const record = JSON.parse(readFileSync(note, 'utf8')) as JsonObject;
    await bench.sender.sendAll([0]);
    await ends(first);
    await first.disconnect();
    writeFileSync(note, JSON.stringify({ ...record, pid: process.pid }));
    const second = await connect();
    expect((await ends(second)).status).to.equal('stopped');
    await second.kill(within());
    await second.reset(within());
  });

  it('says that the port is taken, before a stranger is asked for frames', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => stranger.once('listening', resolve));
    const address = stranger.address();
    const restPort = typeof address === 'object' && address !== null ? address.port : 0;
    const writer = await connect({ restPort });
    await writer.configure(parameters(), within());
    const error = await expectDiaError(writer.start(within()), ComponentFailedError, 'component_failed');
    stranger.close();
    expect(error.message).to.contain(`port ${restPort}`);
    expect(existsSync(file())).to.equal(false);
  });

  it('says what a program that ends at once said', async () => {
    const script = join(bench.folder, 'broken.sh');
    writeFileSync(script, '#!/bin/sh\necho cannot open shared object >&2\nexit 127\n', { mode: 0o755 });
    const writer = bench.writer(script);
    writers.push(writer);
    await writer.connect();
    await writer.configure(parameters(), within());
    const error = await expectDiaError(writer.start(within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('code 127').and.contain('cannot open shared object');
    expect(existsSync(file())).to.equal(false);
  });

  it('says that there is no such program', async () => {
    const writer = bench.writer('/nowhere/writer');
    writers.push(writer);
    await writer.connect();
    await writer.configure(parameters(), within());
    const error = await expectDiaError(writer.start(within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('ENOENT');
    expect(existsSync(file())).to.equal(false);
  });

  it('gives a program up that never answers, and ends it', async () => {
    const script = join(bench.folder, 'mute.sh');
    writeFileSync(script, `#!/bin/sh\necho $$ > "${bench.folder}/pid"\nexec sleep 600\n`, { mode: 0o755 });
    const writer = bench.writer(script, { readyTimeoutMs: 200 });
    writers.push(writer);
    await writer.connect();
    await writer.configure(parameters(), within());
    await expectDiaError(writer.start(within()), ComponentSilentError, 'component_timeout');
    const pid = Number(readFileSync(join(bench.folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
  });

  it('never lets a path with shell characters reach the writer', async () => {
    const writer = await connect();
    for (const name of [
      '$(touch owned)/a.h5',
      '`touch owned`/a.h5',
      'a;touch owned;/b.h5',
      'a b.h5',
      '{a,b}/c.h5',
      '../x.h5',
    ]) {
      const bad = parameters({ outputFile: `${bench.folder}/${name}` });
      await expectDiaError(writer.configure(bad, within()), InvalidRequestError, 'invalid_path');
    }
    expect(readdirSync(bench.folder).filter((name) => name.includes('owned'))).to.deep.equal([]);
  });

  it('takes the next free name, or refuses, as the deployment says', async () => {
    const writer = await connect();
    writeFileSync(file(), 'precious');
    await writer.configure(parameters({ frames: 1 }), within());
    expect((await writer.start(within())).file).to.equal(file('run_001.h5'));
    await bench.sender.sendAll([0]);
    await ends(writer);
    expect(readFileSync(file(), 'utf8')).to.equal('precious');
    await writer.configure(parameters({ existingFile: 'refuse' }), within());
    await expectDiaError(writer.start(within()), WrongStateError, 'file_exists');
  });

  it('keeps a log per run, which begins with the command line: no layout for it, it has its own', async () => {
    const extraArguments = ['tcp://broker:1', '16', '0', 'JF01'];
    const writer = await connect({ extraArguments, userId: 'none', format: 'swissfel' });
    await start(writer, { frames: 1, userId: 11_057 });
    await bench.sender.sendAll([0]);
    await ends(writer);
    const logs = readdirSync(bench.logFolder).filter((name) => name.endsWith('.log'));
    expect(logs).to.have.lengthOf(1);
    const [line = ''] = readFileSync(join(bench.logFolder, String(logs[0])), 'utf8').split('\n');
    const command = JSON.parse(line) as string[];
    expect(command.slice(1)).to.deep.equal([
      bench.sender.address,
      file(),
      '1',
      command[4],
      '-1',
      'tcp://broker:1',
      '16',
      '0',
      'JF01',
    ]);
  });

  it('runs as the user of the data when privileged', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    chmodSync(bench.folder, 0o755);
    const script = join(bench.folder, 'who.sh');
    writeFileSync(script, '#!/bin/sh\necho I am $(id -u):$(id -g)\nexit 3\n', { mode: 0o755 });
    const writer = bench.writer(script, { userId: 'real' });
    writers.push(writer);
    await writer.connect();
    await writer.configure(parameters({ userId: 65_533, outputFile: file('data/who.h5') }), within());
    const error = await expectDiaError(writer.start(within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('I am 65533:65533');
    expect(statSync(file('data')).uid).to.equal(65_533);
  });

  for (const program of ['the C++ writer', 'dia-writer']) {
    it(`keeps nothing under /dev/null with ${program}, and counts what came`, async () => {
      const writer = bench.writer(program === 'dia-writer' ? program : bench.cppWriter());
      writers.push(writer);
      await writer.connect();
      await start(writer, { outputFile: '/dev/null', frames: 3 });
      const { pid } = bench;
      await bench.sender.sendAll(upTo(3));
      await until(
        () => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`).length > 0,
        (alive) => !alive,
      );
      // Nobody looked while it lived.
      expect(await ends(writer)).to.deep.include({ status: 'stopped', file: '/dev/null', error: null });
      expect((await report(writer)).statistics).to.include({ writtenFrames: 3, lostFrames: 0 });
      expect(statSync('/dev/null').isCharacterDevice()).to.equal(true);
    });
  }

  it('counts what came until it was stopped under /dev/null', async () => {
    const writer = await connect();
    await start(writer, { outputFile: '/dev/null', frames: 5 });
    await bench.sender.sendAll(upTo(2));
    await writes(writer, 2);
    await writer.stop(within());
    expect(await report(writer)).to.deep.include({ status: 'stopped', error: null });
    expect((await report(writer)).statistics).to.include({ writtenFrames: 2, lostFrames: 3 });
  });
});
