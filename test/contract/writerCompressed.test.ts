import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { verifyFile } from '../../src/files/verifyFile.js';
import { CHUNK_FILTER } from '../../src/writer/decoders/decoder.js';
import { type Packing, pack } from '../support/packing.js';
import { requirePython } from '../support/pythonTools.js';
import { headerV1, imageV1, imageV2, startV2 } from '../support/simplonMessages.js';
import { WriterFixture } from '../support/writerFixture.js';
import { type FrameSender, upTo } from '../support/writerFrames.js';
import type { WriterProgram } from '../support/writerProgram.js';

const SCRIPT = fileURLToPath(new URL('../../../test/support/readFrames.py', import.meta.url));
const ROWS = 37;
const COLUMNS = 53;

interface Stored {
  readonly shape: number[];
  readonly md5: string[];
  readonly numbers: number[];
  readonly filters: string[];
  readonly stored: number[];
  readonly complete: number;
}

/** Pixels that compress well, or (frame 2) not at all. */
function pixelsOf(frame: number, valueBytes: number): Buffer {
  const pixels = Buffer.alloc(ROWS * COLUMNS * valueBytes);
  let state = 99;
  for (let at = 0; at < pixels.length; at += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    if (frame === 2) pixels[at] = state >> 16;
    else if (at % valueBytes === 0) pixels[at] = (at * 3 + frame) % 11;
  }
  return pixels;
}

describe('compressed frames in files of dia writer', function () {
  this.timeout(20_000);
  let fixture: WriterFixture;
  let folder: string;
  let sender: FrameSender;

  beforeEach(async () => {
    fixture = await WriterFixture.open();
    ({ folder, sender } = fixture);
  });

  afterEach(() => fixture.close());

  async function start(dialect: string, ...args: string[]): Promise<WriterProgram> {
    const file = join(folder, 'run.h5');
    return fixture.start(['--dialect', dialect, ...args, sender.address, file, '5', '0', '-1']);
  }

  function read(context: Context, file: string): Stored {
    const reader = spawnSync(requirePython(context), [SCRIPT, file], { encoding: 'utf8' });
    expect(reader.status, reader.stderr).to.equal(0);
    return JSON.parse(reader.stdout) as Stored;
  }

  const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

  for (const version of ['v1', 'v2'] as const) {
    for (const algorithm of ['lz4', 'bslz4'] as const) {
      for (const isFramed of [true, false]) {
        const form = isFramed ? 'with its sizes' : 'bare';
        it(`are the bytes of the detector, ${algorithm} ${form}, version ${version}, and h5py reads them`, async function () {
          const valueBytes = algorithm === 'lz4' ? 4 : 2;
          const packing: Packing = { algorithm, elementBytes: valueBytes, isFramed, blockBytes: 8192 };
          const writer = await start(`simplon-${version}`);
          await sender.sendRaw(...(version === 'v1' ? headerV1(1) : startV2(1)));
          // Frame 3 comes late, so that its place is a gap for a while.
          for (const number of [0, 1, 2, 4, 3]) {
            const image = {
              series: 1,
              number,
              type: `uint${valueBytes * 8}`,
              rows: ROWS,
              columns: COLUMNS,
              pixels: pixelsOf(number, valueBytes),
              packing,
            };
            await sender.sendRaw(...(version === 'v1' ? imageV1(image) : imageV2(image)));
          }
          expect((await writer.ended).code, writer.stderr).to.equal(0);
          expect(await verifyFile(writer.file)).to.deep.include({
            complete: true,
            framesWritten: 5,
            dtype: `uint${valueBytes * 8}`,
            shape: [ROWS, COLUMNS],
            problems: [],
          });
          const stored = read(this, writer.file);
          expect(stored.md5).to.deep.equal(upTo(5).map((number) => md5(pixelsOf(number, valueBytes))));
          expect(stored.filters).to.deep.equal([String(CHUNK_FILTER[algorithm])]);
          const added = isFramed ? 0 : algorithm === 'lz4' ? 16 : 12;
          const sizes = upTo(5).map(
            (number) => pack(pixelsOf(number, valueBytes), packing).byteLength + added,
          );
          expect(stored.stored.sort()).to.deep.equal(sizes.sort());
        });
      }
    }
  }

  const packing: Packing = { algorithm: 'bslz4', elementBytes: 2, isFramed: true, blockBytes: 8192 };
  const image = (number: number) => ({
    series: 1,
    number,
    type: 'uint16',
    rows: ROWS,
    columns: COLUMNS,
    pixels: pixelsOf(number, 2),
    packing,
  });

  it('are unpacked when the writer is told to', async function () {
    const writer = await start('simplon-v2', '--compressed', 'unpack');
    await sender.sendRaw(...startV2(1));
    for (const number of upTo(5)) await sender.sendRaw(...imageV2(image(number)));
    await writer.ended;
    const stored = read(this, writer.file);
    expect(stored.filters).to.deep.equal([]);
    expect(stored.md5).to.deep.equal(upTo(5).map((number) => md5(pixelsOf(number, 2))));
  });

  it('are unpacked when their bytes have to be swapped', async function () {
    const writer = await start('simplon-v2');
    await sender.sendRaw(...startV2(1));
    for (const number of upTo(5)) {
      const pixels = Buffer.from(pixelsOf(number, 2)).swap16();
      await sender.sendRaw(...imageV2({ ...image(number), pixels, isBigEndian: true }));
    }
    await writer.ended;
    expect(read(this, writer.file).md5).to.deep.equal(upTo(5).map((number) => md5(pixelsOf(number, 2))));
  });

  it('do not share a file with frames that are compressed in another way', async () => {
    const writer = await start('simplon-v2');
    await sender.sendRaw(...startV2(1));
    await sender.sendRaw(...imageV2(image(0)));
    const { packing: _, ...plain } = image(1);
    await sender.sendRaw(...imageV2(plain));
    await writer.untilStatus({ n_bad_messages: 1, n_written_frames: 1 });
    expect(writer.stderr).to.contain('filter 32008');
  });

  it('need no folder for temporary files', async function () {
    const missing = join(folder, 'nowhere');
    const file = join(folder, 'run.h5');
    const args = ['--dialect', 'simplon-v2', sender.address, file, '1', '0', '-1'];
    const writer = await fixture.start(args, ['env', `TMPDIR=${missing}`]);
    await sender.sendRaw(...startV2(1));
    await sender.sendRaw(...imageV2(image(0)));
    expect((await writer.ended).code).to.equal(0);
    expect(read(this, file).filters).to.deep.equal([String(CHUNK_FILTER.bslz4)]);
  });
});
