import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { endV2, imageV2, startV2 } from '../support/simplonMessages.js';
import { firstPixels, perFrame } from '../support/writerFile.js';
import { FrameSender } from '../support/writerFrames.js';
import { WriterProgram } from '../support/writerProgram.js';

describe('the writer program on a DECTRIS stream', () => {
  let folder: string;
  let sender: FrameSender;
  let writer: WriterProgram;
  const file = () => join(folder, 'eiger.h5');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dia-writer-simplon-'));
    sender = await FrameSender.open();
    // Unpacked: the HDF5 library of the test reads no compressed frames.
    const args = ['--dialect', 'simplon-v2', '--compressed', 'unpack', '--stream', sender.address];
    writer = await WriterProgram.start(['--service', ...args]);
    await writer.rest('POST', '/configure', { output_file: file(), n_frames: 4 });
    await writer.rest('POST', '/start');
  });
  afterEach(async () => {
    await writer.dispose();
    sender.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** An image whose first pixel tells its series and number. */
  function image(series: number, number: number): Buffer[] {
    const pixels = Buffer.alloc(16);
    pixels.writeUInt16LE(series * 100 + number);
    const packing = { algorithm: 'bslz4', elementBytes: 2, isFramed: true, blockBytes: 8192 } as const;
    return imageV2({ series, number, type: 'uint16', rows: 2, columns: 4, pixels, packing });
  }

  async function send(...messages: Buffer[][]): Promise<void> {
    for (const message of messages) await sender.sendRaw(...message);
  }

  it('finishes with the last image', async () => {
    await send(startV2(1), ...[0, 1, 2, 3].map((number) => image(1, number)));
    await writer.untilStatus({ status: 'finished', n_written_frames: 4, n_lost_frames: 0 });
    expect(await firstPixels(file())).to.deep.equal([100, 101, 102, 103]);
  });

  it('closes the file at the end of the series, and counts what never came as lost', async () => {
    await send(startV2(1), image(1, 0), image(1, 2), endV2(1));
    await writer.untilStatus({ status: 'stopped', n_written_frames: 2, n_lost_frames: 2 });
    expect(await perFrame(file(), 'frame_number')).to.deep.equal([0, -1, 2]);
  });

  it('leaves out what remains of an earlier series', async () => {
    await send(image(1, 8), endV2(1), startV2(2), image(2, 0), image(1, 9), image(2, 1));
    const seen = await writer.untilStatus({ status: 'writing', n_written_frames: 2 });
    expect(seen).to.include({ n_foreign_messages: 3, n_lost_frames: 0, n_bad_messages: 0 });
  });

  it('waits on when a series was armed and given up', async () => {
    await send(startV2(1), endV2(1), startV2(2), image(2, 0));
    await writer.untilStatus({ status: 'writing', n_written_frames: 1 });
  });

  it('begins the file anew when another series begins, without a trace of the one before', async () => {
    await send(startV2(1), image(1, 0), image(1, 1), image(1, 2));
    await writer.untilStatus({ n_written_frames: 3 });
    await send(startV2(2), image(2, 0), image(2, 3), endV2(2));
    await writer.untilStatus({
      status: 'stopped',
      n_written_frames: 2,
      n_received_frames: 2,
      n_lost_frames: 2,
    });
    expect(await firstPixels(file())).to.deep.equal([200, 0, 0, 203]);
    expect(await perFrame(file(), 'frame_number')).to.deep.equal([0, -1, -1, 3]);
    expect(await perFrame(file(), 'series_id')).to.deep.equal([2, Number.NaN, Number.NaN, 2]);
  });
});
