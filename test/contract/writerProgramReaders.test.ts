import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { loadHdf5 } from '../../src/files/hdf5.js';
import { requirePython } from '../support/pythonTools.js';
import { FrameSender, upTo } from '../support/writerFrames.js';
import { until, WriterProgram } from '../support/writerProgram.js';

const script = (name: string) => fileURLToPath(new URL(`../../../test/support/${name}`, import.meta.url));

interface Seen {
  readonly frames: number;
  readonly numbers: number[];
  readonly pixels: number[];
}

describe('files of dia writer, as others read them', () => {
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

  async function begin(frames: number, acquisition: Record<string, unknown> = {}): Promise<string> {
    const output = { output_file: join(folder, 'run.h5'), n_frames: frames, acquisition };
    await writer.rest('POST', '/configure', output);
    return String((await writer.rest('POST', '/start')).body.file);
  }

  it('grow before the eyes of an h5py reader with SWMR, frame by frame, and hold only frames that came', async function () {
    const python = requirePython(this);
    const file = await begin(20);
    await sender.sendAll([0, 1, 2]);
    await writer.untilStatus({ n_written_frames: 3 });
    const reader = spawn(python, [script('readSwmr.py'), file], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    const look = async (): Promise<Seen> => {
      reader.stdin.write('\n');
      const { value } = await lines.next();
      return JSON.parse(value ?? 'null') as Seen;
    };
    const untilSeen = (numbers: number[]) =>
      until(`the reader to see ${numbers}`, async () => {
        const seen = await look();
        // Never longer than the highest frame, whenever one looks.
        expect(seen.frames).to.be.at.most(numbers.length);
        return seen.numbers.length === numbers.length ? seen : null;
      });
    const first = await untilSeen([0, 1, 2]);
    expect(first).to.deep.equal({ frames: 3, numbers: [0, 1, 2], pixels: [0, 1, 2] });
    await sender.send(6);
    const gap = await untilSeen([0, 1, 2, -1, -1, -1, 6]);
    expect(gap).to.deep.equal({
      frames: 7,
      numbers: [0, 1, 2, -1, -1, -1, 6],
      pixels: [0, 1, 2, 0, 0, 0, 6],
    });
    await sender.sendAll([3, 4, 5, ...upTo(20).slice(7)]);
    await writer.untilStatus({ status: 'finished' });
    expect((await untilSeen(upTo(20))).pixels).to.deep.equal(upTo(20));
    reader.stdin.end();
    await once(reader, 'close');
  });

  it('can be followed with SWMR by h5wasm as well', async () => {
    const { File } = await loadHdf5();
    const file = await begin(5);
    await sender.sendAll([0, 1]);
    const seenFrames = () => {
      const reader = new File(file, 'Sr');
      const numbers = reader.get('entry/instrument/detector/frame_number');
      const length = numbers !== null && 'shape' in numbers ? numbers.shape?.[0] : undefined;
      reader.close();
      return length;
    };
    await writer.untilStatus({ n_written_frames: 2 });
    await until('two frames', () => (seenFrames() === 2 ? true : null));
    await sender.send(2);
    await until('three frames', () => (seenFrames() === 3 ? true : null));
  });

  it('can be changed with h5py afterwards: the library takes them for its own', async function () {
    const python = requirePython(this);
    const file = await begin(3, { detector: { exptime: 0.01 } });
    await sender.sendAll(upTo(3));
    await writer.untilStatus({ status: 'finished' });
    const changed = spawnSync(python, [script('changeFile.py'), file], { encoding: 'utf8' });
    expect(changed.status, changed.stderr).to.equal(0);
    const groups = 6;
    expect(JSON.parse(changed.stdout)).to.deep.equal({
      attributes: new Array(groups).fill(20),
      objects: new Array(groups).fill(20),
      title: 'another title',
      config: 7000,
      // The chunk has it already: a frame that never came.
      numbers: [0, 1, 2, -1],
      pixels: [0, 1, 2, 0],
      last: [7, 7],
    });
  });

  it('lead a NeXus viewer to the images', async function () {
    const python = requirePython(this);
    const acquisition = { detector: { exptime: 0.01 } };
    const file = await begin(3, acquisition);
    await sender.sendAll(upTo(3));
    await writer.untilStatus({ status: 'finished' });
    const reader = spawnSync(python, [script('readNexus.py'), file], { encoding: 'utf8' });
    expect(reader.status, reader.stderr).to.equal(0);
    const found = JSON.parse(reader.stdout) as Record<string, unknown>;
    expect(found).to.deep.include({
      classes: ['NXentry', 'NXdata', 'NXdetector'],
      axes: ['frame_number', '.', '.'],
      shape: [3, 4, 6],
      dtype: 'uint16',
      chunks: [1, 4, 6],
      pixels: [0, 1, 2],
      config: acquisition,
      units: 's',
      complete: 1,
    });
    for (const time of found.times as string[]) expect(new Date(time).toISOString()).to.equal(time);
  });
});
