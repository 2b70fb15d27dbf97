import { spawnSync } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { firstPixels, perFrame, readDataset } from '../support/writerFile.js';
import { WriterFixture } from '../support/writerFixture.js';
import { type FrameSender, upTo } from '../support/writerFrames.js';
import { until } from '../support/writerProgram.js';

describe('dia writer, one process per acquisition', () => {
  let fixture: WriterFixture;
  let folder: string;
  let sender: FrameSender;

  beforeEach(async () => {
    fixture = await WriterFixture.open();
    ({ folder, sender } = fixture);
  });

  afterEach(() => fixture.close());

  async function start(frames: number, options: { file?: string; before?: string[]; after?: string[] } = {}) {
    const { file = join(folder, 'run.h5'), before = [], after = [] } = options;
    return fixture.start([...before, sender.address, file, String(frames), '0', '-1', ...after]);
  }

  it('writes every frame, says so, and exits 0 by itself', async () => {
    const writer = await start(10);
    await sender.sendAll(upTo(9), { extra: { pulse_id: 77, is_good_frame: true } });
    const status = await writer.untilStatus({ n_written_frames: 9 });
    expect(status).to.include({
      status: 'writing',
      total_expected_frames: 10,
      n_lost_frames: 0,
      file: writer.file,
    });
    await sender.send(9, { extra: { pulse_id: 78, is_good_frame: true } });
    expect(await writer.ended).to.deep.equal({ code: 0, signal: null });
    const facts = await verifyFile(join(folder, 'run.h5'));
    expect(facts).to.deep.include({
      complete: true,
      frames: 10,
      framesWritten: 10,
      framesExpected: 10,
      framesLost: 0,
      shape: [4, 6],
      dtype: 'uint16',
      problems: [],
    });
    expect(await firstPixels(writer.file)).to.deep.equal(upTo(10));
    expect(await perFrame(writer.file, 'pulse_id')).to.deep.equal([...Array(9).fill(77), 78]);
    expect(await perFrame(writer.file, 'is_good_frame')).to.deep.equal(Array(10).fill(1));
  });

  it('ignores the arguments that other writers take in addition', async () => {
    const writer = await start(1, { after: ['tcp://broker:1', '-1', '0', 'JF01'] });
    await sender.send(0);
    expect((await writer.ended).code).to.equal(0);
  });

  it('places frames by number, whatever their order, and counts gaps and duplicates', async () => {
    const writer = await start(8);
    for (const number of [3, 0, 1, 6, 3, 0, 5]) await sender.send(number);
    await sender.send(8);
    await sender.send(1_000_000);
    const status = await writer.untilStatus({ n_received_frames: 9, n_written_frames: 5 });
    expect(status).to.include({
      n_written_frames: 5,
      n_duplicate_frames: 2,
      n_outside_frames: 2,
      n_lost_frames: 2,
    });
    const answer = await writer.rest('GET', '/stop');
    expect(answer.body).to.include({ status: 'finished', n_lost_frames: 3 });
    expect((await writer.ended).code).to.equal(0);
    expect(await firstPixels(writer.file)).to.deep.equal([0, 1, 0, 3, 0, 5, 6]);
    expect(await perFrame(writer.file, 'frame_number')).to.deep.equal([0, 1, -1, 3, -1, 5, 6]);
    expect(await verifyFile(writer.file)).to.deep.include({
      complete: false,
      frames: 7,
      framesWritten: 5,
      framesLost: 3,
    });
  });

  it('keeps the first of two frames with one number', async () => {
    const writer = await start(2);
    await sender.send(0, { pixels: Buffer.alloc(48, 1) });
    await sender.send(0, { pixels: Buffer.alloc(48, 2) });
    await sender.send(1, { pixels: Buffer.alloc(48, 3) });
    await writer.ended;
    expect(await firstPixels(writer.file)).to.deep.equal([0x0101, 0x0303]);
  });

  it('leaves a readable, incomplete file when stopped midway', async () => {
    const writer = await start(10);
    await sender.sendAll(upTo(4));
    await writer.untilStatus({ n_written_frames: 4 });
    expect((await writer.rest('POST', '/stop')).body).to.include({ status: 'finished', n_written_frames: 4 });
    expect((await writer.ended).code).to.equal(0);
    expect(await verifyFile(writer.file)).to.deep.include({
      complete: false,
      frames: 4,
      framesLost: 6,
      problems: [],
    });
  });

  it('leaves a readable, incomplete file when stopped before the first frame', async () => {
    const writer = await start(10);
    expect((await writer.rest('GET', '/status')).body).to.include({ status: 'receiving' });
    await writer.rest('GET', '/stop');
    expect((await writer.ended).code).to.equal(0);
    const facts = await verifyFile(writer.file);
    expect(facts).to.deep.include({
      complete: false,
      frames: 0,
      framesWritten: 0,
      framesLost: 10,
      shape: null,
    });
  });

  it('ends at once when killed over HTTP, with a readable file', async () => {
    const writer = await start(10);
    await sender.sendAll(upTo(4));
    await writer.untilStatus({ n_written_frames: 4 });
    expect((await writer.rest('GET', '/kill')).body).to.include({ status: 'killed' });
    expect((await writer.ended).code).to.equal(0);
    expect(await verifyFile(writer.file)).to.include({ complete: false, framesWritten: 4 });
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`closes the file and exits 0 on ${signal}`, async () => {
      const writer = await start(10);
      await sender.sendAll(upTo(4));
      await writer.untilStatus({ n_written_frames: 4 });
      writer.kill(signal);
      expect(await writer.ended).to.deep.equal({ code: 0, signal: null });
      expect(await verifyFile(writer.file)).to.deep.include({
        complete: false,
        framesWritten: 4,
        problems: [],
      });
    });
  }

  it('leaves what was flushed when it is killed by force, and the file says that it was not closed', async () => {
    const writer = await start(10);
    await sender.sendAll(upTo(4));
    await writer.untilStatus({ n_written_frames: 4 });
    await until('the flush', async () => ((await verifyFile(writer.file)).framesWritten === 4 ? true : null));
    writer.kill('SIGKILL');
    await writer.ended;
    const facts = await verifyFile(writer.file);
    expect(facts).to.include({ complete: false, framesWritten: 4 });
    expect(facts.problems.join()).to.contain('not closed');
  });

  it('leaves a file that opens when it is killed by force before the first frame', async () => {
    const writer = await start(10);
    writer.kill('SIGKILL');
    await writer.ended;
    expect(await verifyFile(writer.file)).to.deep.include({ complete: false, frames: 0, problems: [] });
  });

  it('answers 400 to an unknown parameter and goes on', async () => {
    const writer = await start(3);
    const answer = await writer.rest('POST', '/parameters', { nosuch: 1 });
    expect(answer.code).to.equal(400);
    expect(answer.body).to.include({ status: 'error', code: 'unknown_parameter' });
    expect(answer.body.message).to.contain('nosuch');
    expect(await writer.rest('POST', '/parameters', {})).to.deep.equal({
      code: 200,
      body: { message: 'Parameters set.' },
    });
    await sender.sendAll(upTo(3));
    expect((await writer.ended).code).to.equal(0);
    expect(await verifyFile(writer.file)).to.include({ complete: true, framesWritten: 3 });
  });

  it('writes the parameters of the format into the file', async () => {
    const writer = await start(1);
    await writer.rest('POST', '/parameters', { 'general/user': 'p11057', 'general/process': 'dia' });
    await sender.send(0);
    await writer.ended;
    expect(await readDataset(writer.file, 'general/user')).to.equal('p11057');
    expect(await readDataset(writer.file, 'general/process')).to.equal('dia');
  });

  it('counts garbage and goes on', async () => {
    const writer = await start(2);
    await sender.send(0);
    await sender.sendRaw('no json', Buffer.alloc(48));
    await sender.sendRaw('{}');
    await sender.sendRaw('[]', Buffer.alloc(0), Buffer.alloc(1));
    await sender.send(1, { rows: 5 });
    await sender.send(1, { type: 'int16' });
    await sender.sendRaw('{"htype":"array-1.0","type":"uint16","shape":[4,6],"frame":-1}', Buffer.alloc(48));
    const status = await writer.untilStatus({ n_bad_messages: 6, n_written_frames: 1 });
    expect(status).to.include({ n_written_frames: 1, status: 'writing' });
    await sender.send(1);
    expect((await writer.ended).code).to.equal(0);
    expect(writer.stderr.match(/Bad frame message/g)).to.have.length(1);
    expect(await firstPixels(writer.file)).to.deep.equal([0, 1]);
  });

  it('writes until it is stopped when no number of frames is given', async () => {
    const writer = await start(0);
    await sender.sendAll(upTo(7));
    await writer.untilStatus({ n_written_frames: 7, total_expected_frames: 0 });
    await writer.rest('GET', '/stop');
    await writer.ended;
    expect(await verifyFile(writer.file)).to.include({
      complete: true,
      frames: 7,
      framesExpected: 0,
      framesLost: 0,
    });
  });

  it('never overwrites unless told to', async () => {
    const existing = join(folder, 'run.h5');
    await writeFile(existing, 'precious');
    const writer = await start(1);
    expect(writer.file).to.equal(join(folder, 'run_001.h5'));
    await sender.send(0);
    await writer.ended;
    expect((await stat(existing)).size).to.equal('precious'.length);

    const refusing = await start(1, { before: ['--existing-file', 'refuse'] });
    expect((await refusing.ended).code).to.equal(1);
    expect(refusing.stderr).to.contain('exists');

    const replacing = await start(1, { before: ['--existing-file=overwrite'] });
    expect(replacing.file).to.equal(existing);
    await sender.send(0);
    await replacing.ended;
    expect(await verifyFile(existing)).to.include({ complete: true });
  });

  it('gives every one of several writers started at once a file of its own', async () => {
    const started = await Promise.all([start(1), start(1), start(1), start(1)]);
    const files = started.map((writer) => writer.file);
    expect(new Set(files).size).to.equal(4);
    await Promise.all(started.map((writer) => writer.rest('GET', '/stop')));
    await Promise.all(started.map((writer) => writer.ended));
    expect((await readdir(folder)).sort()).to.deep.equal([
      'run.h5',
      'run_001.h5',
      'run_002.h5',
      'run_003.h5',
    ]);
  });

  it('makes missing folders, but no file outside its data roots', async () => {
    const writer = await start(1, { file: join(folder, 'a/b/run'), before: ['--data-root', folder] });
    expect(writer.file).to.equal(join(folder, 'a/b/run.h5'));
    await sender.send(0);
    await writer.ended;
    const outside = await start(1, {
      file: join(folder, '../elsewhere.h5'),
      before: ['--data-root', folder],
    });
    expect((await outside.ended).code).to.equal(1);
    expect(outside.stderr).to.contain('outside the data roots');
  });

  it('exits 1, says why and reports no complete file when the disk refuses a frame', async () => {
    // A limit on the size of files fails a write as a full disk does.
    const args = [sender.address, join(folder, 'run.h5'), '50', '0', '-1'];
    const writer = await fixture.start(args, ['sh', '-c', 'ulimit -f 2000; exec "$@"', 'sh']);
    const sending = sender.sendAll(upTo(20), { rows: 256, columns: 512 });
    expect((await writer.ended).code).to.equal(1);
    await sending;
    expect(writer.stderr).to.match(/failed: file too large/);
    // This limit, unlike a full disk, may leave a file too short to open; what it must not be is complete.
    const facts = await verifyFile(writer.file).catch(() => null);
    expect(facts?.complete ?? false).to.equal(false);
  });

  it('exits 2 with its usage for a command line that makes no sense', async () => {
    for (const args of [
      ['tcp://127.0.0.1:1', 'x.h5', 'ten', '0', '-1'],
      ['--service', 'x'],
      ['--nosuch'],
      [],
    ]) {
      const writer = await fixture.start(args);
      expect((await writer.ended).code, args.join(' ')).to.equal(2);
      expect(writer.stderr).to.contain('Usage:');
    }
  });

  it('writes files that h5dump opens', async function () {
    if (spawnSync('h5dump', ['-V']).status !== 0) {
      if (process.env.CI === 'true') throw new Error('h5dump is missing');
      this.skip();
    }
    const writer = await start(2);
    await sender.sendAll(upTo(2));
    await writer.ended;
    const dump = spawnSync('h5dump', ['-H', writer.file], { encoding: 'utf8' });
    expect(dump.status).to.equal(0);
    expect(dump.stdout).to.contain('( 2, 4, 6 ) / ( H5S_UNLIMITED, 4, 6 )');
  });
});
