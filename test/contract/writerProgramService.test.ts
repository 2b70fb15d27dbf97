import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { firstPixels, readDataset } from '../support/writerFile.js';
import { FrameSender, upTo } from '../support/writerFrames.js';
import { WriterProgram } from '../support/writerProgram.js';

describe('dia writer --service, one process for many acquisitions', () => {
  let folder: string;
  let sender: FrameSender;
  let writer: WriterProgram;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-writer-'));
    sender = await FrameSender.open();
    writer = await WriterProgram.start(['--service', '--stream', sender.address]);
  });

  afterEach(async () => {
    await writer.dispose();
    sender.close();
    await rm(folder, { recursive: true, force: true });
  });

  function configure(frames: number, more: Record<string, unknown> = {}) {
    return writer.rest('POST', '/configure', {
      output_file: join(folder, 'run.h5'),
      n_frames: frames,
      ...more,
    });
  }

  async function begin(frames: number): Promise<string> {
    await configure(frames);
    const file = String((await writer.rest('POST', '/start')).body.file);
    await sender.untilOneReceiver();
    return file;
  }

  it('goes from stopped over configured, receiving and writing to finished, and back with reset', async () => {
    expect((await writer.rest('GET', '/status')).body).to.include({
      status: 'stopped',
      file: null,
      error: null,
    });
    expect((await configure(3)).body).to.include({ status: 'configured', total_expected_frames: 3 });
    const started = await writer.rest('POST', '/start');
    expect(started.body).to.include({ status: 'receiving', file: join(folder, 'run.h5') });
    await sender.sendAll(upTo(2));
    await writer.untilStatus({ status: 'writing', n_written_frames: 2 });
    await sender.send(2);
    const finished = await writer.untilStatus({ status: 'finished' });
    expect(finished).to.include({
      n_written_frames: 3,
      n_received_frames: 3,
      n_lost_frames: 0,
      n_written_bytes: 144,
    });
    // Finished means closed: no further look is needed.
    expect(await verifyFile(join(folder, 'run.h5'))).to.deep.include({
      complete: true,
      frames: 3,
      problems: [],
    });
    expect((await writer.rest('POST', '/stop')).body).to.include({ status: 'finished' });
    expect((await writer.rest('POST', '/reset')).body).to.include({ status: 'stopped' });
  });

  it('keeps the acquisition config in the file', async () => {
    const acquisition = { detector: { period: 0.1, exptime: 0.01, dr: 16 }, writer: { n_frames: 1 } };
    await configure(1, {
      acquisition,
      acquisition_id: 'scan 7 ü',
      extra: { 'general/user': 'p1', other: 5 },
    });
    const file = String((await writer.rest('POST', '/start')).body.file);
    await sender.send(0);
    await writer.untilStatus({ status: 'finished' });
    expect(JSON.parse(String(await readDataset(file, 'entry/acquisition_config')))).to.deep.equal(
      acquisition,
    );
    expect(await readDataset(file, 'entry/acquisition_id')).to.equal('scan 7 ü');
    expect(await readDataset(file, 'entry/instrument/detector/count_time')).to.equal(0.01);
    expect(await readDataset(file, 'entry/instrument/detector/frame_time')).to.equal(0.1);
    expect(await readDataset(file, 'entry/instrument/detector/bit_depth_image')).to.equal(16);
    expect(await readDataset(file, 'general/user')).to.equal('p1');
    const [startTime, endTime] = [
      await readDataset(file, 'entry/start_time'),
      await readDataset(file, 'entry/end_time'),
    ];
    expect(Date.parse(String(endTime))).to.be.at.least(Date.parse(String(startTime)));
  });

  it('leaves an incomplete file when stopped midway, and takes the next acquisition into another', async () => {
    const first = await begin(10);
    await sender.sendAll(upTo(4));
    await writer.untilStatus({ n_written_frames: 4 });
    expect((await writer.rest('GET', '/stop')).body).to.include({
      status: 'stopped',
      n_lost_frames: 6,
      file: first,
    });
    expect(await verifyFile(first)).to.deep.include({ complete: false, framesWritten: 4, problems: [] });
    const second = (await writer.rest('POST', '/start')).body.file;
    expect(second).to.equal(join(folder, 'run_001.h5'));
    await sender.sendAll(upTo(10));
    await writer.untilStatus({ status: 'finished' });
    expect(await firstPixels(String(second))).to.deep.equal(upTo(10));
  });

  it('takes no frames from between two acquisitions', async () => {
    const first = await begin(2);
    await sender.sendAll(upTo(2), { pixels: Buffer.alloc(48, 1) });
    await writer.untilStatus({ status: 'finished' });
    const second = await begin(2);
    await sender.sendAll(upTo(2), { pixels: Buffer.alloc(48, 2) });
    await writer.untilStatus({ status: 'finished', n_received_frames: 2 });
    expect(await firstPixels(first)).to.deep.equal([0x0101, 0x0101]);
    expect(await firstPixels(second)).to.deep.equal([0x0202, 0x0202]);
  });

  it('refuses what the state does not allow, and changes nothing', async () => {
    const early = await writer.rest('POST', '/start');
    expect(early.code).to.equal(409);
    expect(early.body).to.include({ status: 'error', code: 'wrong_state' });
    await begin(2);
    expect((await configure(5)).code).to.equal(409);
    expect((await writer.rest('POST', '/start')).code).to.equal(409);
    await sender.send(0);
    await writer.untilStatus({ status: 'writing' });
    expect((await writer.rest('POST', '/parameters', { 'general/user': 'x' })).code).to.equal(409);
    await sender.send(1);
    await writer.untilStatus({ status: 'finished', total_expected_frames: 2 });
  });

  it('refuses requests that make no sense with a reason, and goes on', async () => {
    const wrong = await writer.rest('POST', '/configure', {
      output_file: 'relative.h5',
      n_frame: 1,
      user_id: 'me',
    });
    expect(wrong.code).to.equal(400);
    for (const problem of [
      "'output_file' is an absolute path",
      "no 'n_frame'",
      "'user_id' is",
      "'n_frames' is missing",
    ]) {
      expect(wrong.body.message).to.contain(problem);
    }
    expect((await writer.rest('POST', '/configure', '{nonsense')).body).to.include({ code: 'invalid_json' });
    expect((await writer.rest('POST', '/configure', '[1]')).body).to.include({ code: 'invalid_body' });
    expect((await writer.rest('POST', '/parameters', ' '.repeat(5_000_000))).code).to.equal(413);
    expect((await writer.rest('GET', '/nosuch')).code).to.equal(404);
    const method = await fetch(`${writer.url}/start`);
    expect([method.status, method.headers.get('allow')]).to.deep.equal([405, 'POST']);
    expect((await configure(1, { stream: 'nonsense' })).code).to.equal(200);
    expect((await writer.rest('POST', '/start')).code).to.equal(400);
    expect((await writer.rest('GET', '/status')).body).to.include({
      status: 'error',
      error_code: 'invalid_body',
    });
    await begin(1);
    await sender.send(0);
    await writer.untilStatus({ status: 'finished', error: null });
  });

  it('refuses an existing file when the rule says so', async () => {
    await begin(1);
    await writer.rest('POST', '/stop');
    await configure(1, { existing_file: 'refuse' });
    const refused = await writer.rest('POST', '/start');
    expect([refused.code, refused.body.code]).to.deep.equal([409, 'file_exists']);
    expect((await writer.rest('GET', '/status')).body).to.include({
      status: 'error',
      error_code: 'file_exists',
    });
  });

  it('ends at once with kill and stays there for the next acquisition', async () => {
    const file = await begin(10);
    await sender.sendAll(upTo(3));
    await writer.untilStatus({ n_written_frames: 3 });
    expect((await writer.rest('POST', '/kill')).body).to.include({ status: 'stopped' });
    expect(await verifyFile(file)).to.include({ complete: false, framesWritten: 3 });
  });

  it('takes many acquisitions without growing in handles', async () => {
    const run = async () => {
      const file = await begin(3);
      await sender.sendAll(upTo(3));
      await writer.untilStatus({ status: 'finished', file });
    };
    for (const _ of upTo(5)) await run();
    const before = await writer.openHandles();
    for (const _ of upTo(60)) await run();
    expect(await writer.openHandles()).to.be.at.most(before + 2);
    expect((await stat(join(folder, 'run_064.h5'))).size).to.be.greaterThan(0);
  });

  it('closes the file under way and exits 0 on SIGTERM', async () => {
    const file = await begin(10);
    await sender.sendAll(upTo(4));
    await writer.untilStatus({ n_written_frames: 4 });
    writer.kill('SIGTERM');
    expect(await writer.ended).to.deep.equal({ code: 0, signal: null });
    expect(await verifyFile(file)).to.deep.include({ complete: false, framesWritten: 4, problems: [] });
  });
});
