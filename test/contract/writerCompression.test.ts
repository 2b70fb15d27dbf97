import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { verifyFile } from '../../src/files/verifyFile.js';
import { CHUNK_FILTER } from '../../src/writer/decoders/decoder.js';
import { BYTES_PER_VALUE } from '../../src/writer/pixelTypes.js';
import { mount, unmount } from '../support/mounts.js';
import { requirePython } from '../support/pythonTools.js';
import { endV2, imageV2, startV2 } from '../support/simplonMessages.js';
import { WriterFixture } from '../support/writerFixture.js';
import { type FrameSender, upTo } from '../support/writerFrames.js';
import { until, type WriterProgram } from '../support/writerProgram.js';

const script = (name: string) => fileURLToPath(new URL(`../../../test/support/${name}`, import.meta.url));
const ENDING_THREAD = new URL('../support/endingThread.js', import.meta.url).href;
const BSLZ4 = [String(CHUNK_FILTER.bslz4)];

interface Stored {
  readonly shape: number[];
  readonly dtype: string;
  readonly md5: string[];
  readonly numbers: number[];
  readonly filters: string[];
  readonly complete: number;
}

/** Counts as a detector has them, another frame for each number; frame 2 is noise. */
function pixelsOf(frame: number, size: number, valueBytes: number): Buffer {
  const pixels = Buffer.alloc(size * valueBytes);
  let state = frame + 1;
  for (let at = 0; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    if (frame === 2) pixels[at] = state >>> 24;
    else if (at % valueBytes === 0) pixels[at] = (state >>> 24) % 20;
  }
  return pixels;
}

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

describe('dia writer --compression bslz4', function () {
  this.timeout(20_000);
  let fixture: WriterFixture;
  let sender: FrameSender;
  let file: string;

  beforeEach(async () => {
    fixture = await WriterFixture.open();
    ({ sender } = fixture);
    file = join(fixture.folder, 'run.h5');
  });

  afterEach(() => fixture.close());

  function start(frames: number, ...args: string[]): Promise<WriterProgram> {
    return fixture.start([
      '--compression',
      'bslz4',
      ...args,
      sender.address,
      file,
      String(frames),
      '0',
      '-1',
    ]);
  }

  function serve(...args: string[]): Promise<WriterProgram> {
    return fixture.start(['--service', '--compression', 'bslz4', '--stream', sender.address, ...args]);
  }

  async function begin(
    writer: WriterProgram,
    frames: number,
    more: Record<string, unknown> = {},
  ): Promise<void> {
    await writer.rest('POST', '/configure', {
      output_file: file,
      n_frames: frames,
      existing_file: 'overwrite',
      ...more,
    });
    expect((await writer.rest('POST', '/start')).code).to.equal(200);
    await sender.untilOneReceiver();
  }

  async function send(
    numbers: readonly number[],
    rows: number,
    columns: number,
    type = 'uint16',
  ): Promise<void> {
    const valueBytes = BYTES_PER_VALUE[type as 'uint16'];
    for (const number of numbers) {
      await sender.send(number, {
        rows,
        columns,
        type,
        pixels: pixelsOf(number, rows * columns, valueBytes),
      });
    }
  }

  function read(context: Context): Stored {
    const reader = spawnSync(requirePython(context), [script('readFrames.py'), file], { encoding: 'utf8' });
    expect(reader.status, reader.stderr).to.equal(0);
    return JSON.parse(reader.stdout) as Stored;
  }

  it('writes frames of every size of pixels that h5py reads as they were, whatever their order', async function () {
    const writer = await serve();
    for (const type of ['uint8', 'int16', 'uint32', 'float64'] as const) {
      await begin(writer, 5);
      // Neither whole blocks nor whole groups of elements; frame 3 comes late.
      await send([0, 1, 2, 4, 3], 133, 99, type);
      await writer.untilStatus({ status: 'finished' });
      expect(await verifyFile(file)).to.deep.include({
        complete: true,
        framesWritten: 5,
        shape: [133, 99],
        problems: [],
      });
      const stored = read(this);
      expect(stored).to.deep.include({ dtype: type, filters: BSLZ4, numbers: upTo(5), complete: 1 });
      const expected = upTo(5).map((number) => md5(pixelsOf(number, 133 * 99, BYTES_PER_VALUE[type])));
      expect(stored.md5).to.deep.equal(expected);
    }
  });

  it('writes many frames in several threads, in less room than they need', async function () {
    const writer = await start(300, '--compression-threads', '3');
    await send(upTo(300), 100, 200);
    expect((await writer.ended).code, writer.stderr).to.equal(0);
    const stored = read(this);
    expect(stored.md5).to.deep.equal(upTo(300).map((number) => md5(pixelsOf(number, 20_000, 2))));
    expect(stored.numbers).to.deep.equal(upTo(300));
    expect((await stat(file)).size).to.be.below(300 * 40_000 * 0.4);
  });

  it('takes acquisitions of other sizes with the same threads, and one that is not compressed', async function () {
    const writer = await serve();
    for (const [rows, columns, compression] of [
      [40, 50, 'bslz4'],
      [300, 400, 'bslz4'],
      [8, 9, 'bslz4'],
      [40, 50, 'none'],
    ] as const) {
      await begin(writer, 3, { compression });
      await send(upTo(3), rows, columns);
      await writer.untilStatus({ status: 'finished', n_written_frames: 3 });
      const stored = read(this);
      expect(stored.filters).to.deep.equal(compression === 'none' ? [] : BSLZ4);
      expect(stored.md5).to.deep.equal(upTo(3).map((number) => md5(pixelsOf(number, rows * columns, 2))));
    }
  });

  it('keeps all frames that came when it is stopped', async function () {
    const writer = await serve();
    await begin(writer, 0);
    await send(upTo(30), 200, 300);
    await writer.untilStatus({ n_received_frames: 30 });
    await writer.rest('POST', '/stop');
    const { body } = await writer.rest('GET', '/status');
    expect(body).to.include({ status: 'stopped', n_written_frames: 30, n_lost_frames: 0 });
    expect(read(this).md5).to.deep.equal(upTo(30).map((number) => md5(pixelsOf(number, 60_000, 2))));
  });

  it('grows before the eyes of a reader with SWMR', async function () {
    const python = requirePython(this);
    const writer = await serve();
    await begin(writer, 6);
    await sender.sendAll([0, 1, 2]);
    await writer.untilStatus({ n_written_frames: 3 });
    const reader = spawn(python, [script('readSwmr.py'), file], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    const untilSeen = (pixels: readonly number[]) =>
      until(`the reader to see ${pixels}`, async () => {
        reader.stdin.write('\n');
        const seen = JSON.parse((await lines.next()).value ?? 'null') as { pixels: number[] };
        return JSON.stringify(seen.pixels) === JSON.stringify(pixels) ? seen : null;
      });
    await untilSeen([0, 1, 2]);
    await sender.send(5);
    await untilSeen([0, 1, 2, 0, 0, 5]);
    await sender.sendAll([3, 4]);
    await writer.untilStatus({ status: 'finished' });
    await untilSeen(upTo(6));
    reader.stdin.end();
    await once(reader, 'close');
  });

  it('begins the file anew when another series begins, and leaves what came compressed as it is', async function () {
    const writer = await serve('--dialect', 'simplon-v2');
    const image = (series: number, number: number) => {
      const pixels = pixelsOf(series * 10 + number, 1200, 2);
      return imageV2({ series, number, type: 'uint16', rows: 30, columns: 40, pixels });
    };
    await begin(writer, 3);
    for (const message of [startV2(1), image(1, 0), image(1, 1)]) await sender.sendRaw(...message);
    await writer.untilStatus({ n_written_frames: 2 });
    for (const message of [startV2(2), image(2, 0), image(2, 1), endV2(2)]) await sender.sendRaw(...message);
    await writer.untilStatus({ status: 'stopped', n_written_frames: 2, n_lost_frames: 1 });
    expect(read(this)).to.deep.include({
      filters: BSLZ4,
      md5: [20, 21].map((number) => md5(pixelsOf(number, 1200, 2))),
    });
    await begin(writer, 1);
    const packing = { algorithm: 'lz4', elementBytes: 2, isFramed: true, blockBytes: 8192 } as const;
    const pixels = pixelsOf(7, 1200, 2);
    const packed = { series: 3, number: 0, type: 'uint16', rows: 30, columns: 40, pixels, packing };
    for (const message of [startV2(3), imageV2(packed)]) await sender.sendRaw(...message);
    await writer.untilStatus({ status: 'finished' });
    expect(read(this)).to.deep.include({ filters: [String(CHUNK_FILTER.lz4)], md5: [md5(pixels)] });
  });

  it('needs no folder for temporary files', async function () {
    const args = ['--compression', 'bslz4', sender.address, file, '1', '0', '-1'];
    const writer = await fixture.start(args, ['env', `TMPDIR=${join(fixture.folder, 'nowhere')}`]);
    await send([0], 30, 40);
    expect((await writer.ended).code).to.equal(0);
    expect(read(this)).to.deep.include({ filters: BSLZ4, md5: [md5(pixelsOf(0, 1200, 2))] });
  });

  it('ends with no_space on a full disk, and every frame that was written is there', async function () {
    const disk = join(fixture.folder, 'disk');
    await mkdir(disk);
    await mount(this, ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      file = join(disk, 'run.h5');
      const writer = await serve();
      await begin(writer, 60);
      const pixels = upTo(60).map(() => randomBytes(80_000));
      const options = { rows: 200, columns: 200 };
      for (const number of upTo(60))
        await sender.send(number, { ...options, pixels: pixels[number] as Buffer });
      await writer.untilStatus({ status: 'error', error_code: 'no_space' });
      // It is told at once; what was on its way is counted when the file is closed.
      const { body: seen } = await writer.rest('GET', '/ended');
      const written = Number(seen.n_written_frames);
      expect(written).to.be.within(15, 26);
      expect(seen.n_lost_frames).to.equal(60 - written);
      expect(read(this).md5.slice(0, written)).to.deep.equal(pixels.slice(0, written).map(md5));
      await writer.dispose();
    } finally {
      await unmount(disk);
    }
  });

  it('ends with an error that names cause and remedy when a thread ends, and takes the next acquisition', async function () {
    const args = [
      '--service',
      '--compression',
      'bslz4',
      '--compression-threads',
      '1',
      '--stream',
      sender.address,
    ];
    const writer = await fixture.start(args, ['env', `NODE_OPTIONS=--import=${ENDING_THREAD}`]);
    await begin(writer, 10);
    await send([0, 1], 30, 40);
    await writer.untilStatus({ n_written_frames: 2 });
    // The thread ends with the third; nothing that comes later brings it to light.
    await send([2], 30, 40);
    const { error, ...seen } = await writer.untilStatus({ status: 'error' });
    expect(error).to.equal(`Writing ${file} failed: a thread that compresses frames ended with code 7.`);
    expect(seen).to.include({ n_written_frames: 2, n_lost_frames: 8, error_code: 'component_failed' });
    expect(read(this)).to.deep.include({
      complete: 0,
      md5: [0, 1].map((number) => md5(pixelsOf(number, 1200, 2))),
    });
    await begin(writer, 2);
    await send([0, 1], 30, 40);
    await writer.untilStatus({ status: 'finished', n_written_frames: 2 });
  });
});
