import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { verifyFile } from '../../../src/files/verifyFile.js';
import { firstPixels, perFrame, readDataset } from '../../support/writerFile.js';
import { upTo } from '../../support/writerFrames.js';
import { writeNexus } from '../../support/writerNexus.js';

const DETECTOR = 'entry/instrument/detector';

describe('StackFormat with the layout nexus', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-nexus-'));
    path = join(folder, 'run.h5');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('places frames and their metadata in any order, flushed at any time', async () => {
    const order = fc.uniqueArray(fc.nat(700), { minLength: 1, maxLength: 40 });
    const run = order.chain((frames) =>
      fc.record({ frames: fc.constant(frames), flushAfter: fc.subarray(frames) }),
    );
    await fc.assert(
      fc.asyncProperty(run, async ({ frames, flushAfter }) => {
        const metadata = (number: number) => ({ pulse_id: number * 10 });
        await writeNexus(path, { expected: 701, frames, flushAfter, metadata });
        const length = Math.max(...frames) + 1;
        const came = new Set(frames);
        const expected = upTo(length).map((number) => (came.has(number) ? number : -1));
        expect(await perFrame(path, 'frame_number')).to.deep.equal(expected);
        expect(await perFrame(path, 'pulse_id')).to.deep.equal(expected.map((n) => (n < 0 ? -1 : n * 10)));
        expect(await firstPixels(path)).to.deep.equal(expected.map((n) => Math.max(0, n)));
      }),
      { numRuns: 25 },
    );
  });

  it('keeps numbers, truth values, texts and arrays that come with the frames', async () => {
    const metadata = (number: number) => ({
      temperature: number + 0.5,
      good: number !== 1,
      note: `frame ${number} ü`,
      missing_packets_1: [number, 0, 2],
    });
    await writeNexus(path, { expected: 3, frames: upTo(3), metadata });
    expect(await perFrame(path, 'temperature')).to.deep.equal([0.5, 1.5, 2.5]);
    expect(await perFrame(path, 'good')).to.deep.equal([1, 0, 1]);
    expect(await perFrame(path, 'missing_packets_1')).to.deep.equal([0, 0, 2, 1, 0, 2, 2, 0, 2]);
    const notes = (await readDataset(path, `${DETECTOR}/note`)) as string[];
    expect(notes.map((note) => note.replace(/[\0 ]+$/, ''))).to.deep.equal([
      'frame 0 ü',
      'frame 1 ü',
      'frame 2 ü',
    ]);
  });

  it('leaves blank what a later frame says differently or not at all', async () => {
    const said = [
      { daq_rec: 4, value: 1, list: [1, 2] },
      { daq_rec: 'x', list: [5] },
      { daq_rec: 2.5, value: null, list: 7, late: 1 },
    ];
    await writeNexus(path, { expected: 3, frames: upTo(3), metadata: (number) => said[number] ?? {} });
    expect(await perFrame(path, 'daq_rec')).to.deep.equal([4, -1, -1]);
    expect(await perFrame(path, 'value')).to.deep.equal([1, Number.NaN, Number.NaN]);
    const list = await perFrame(path, 'list');
    expect(list).to.deep.equal([1, 2, 5, Number.NaN, Number.NaN, Number.NaN]);
  });

  it('warns of fields it cannot keep, and writes no name that would lead elsewhere in the file', async () => {
    const warnings: string[] = [];
    const metadata = () => ({
      '../../evil': 1,
      'a/b': 2,
      data: 3,
      frame_number: 99,
      nested: { a: 1 },
      empty: [],
      '': 1,
    });
    await writeNexus(path, { expected: 1, frames: [0], metadata, warn: (text) => warnings.push(text) });
    expect(warnings).to.have.length(1);
    for (const name of ['../../evil', 'a/b', 'data', 'nested', 'empty']) expect(warnings[0]).to.contain(name);
    expect(await perFrame(path, 'frame_number')).to.deep.equal([0]);
    expect(await verifyFile(path)).to.include({ complete: true });
  });

  it('leaves a file alone that has taken the place of its own before the first frame', async () => {
    const other = join(folder, 'other.h5');
    await writeNexus(other, { expected: 2, frames: upTo(2) });
    const before = await readFile(other);
    const replaced = writeNexus(path, {
      expected: 3,
      frames: upTo(3),
      afterCreation: () => rename(other, path),
    });
    expect(await failure(replaced)).to.match(/another file has taken its place/);
    expect(await readFile(path)).to.deep.equal(before);
    const removed = writeNexus(other, { expected: 3, frames: upTo(3), afterCreation: () => rm(other) });
    expect(await failure(removed)).to.match(/the file is gone/);
  });
});

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.fail('should have failed'),
    (error: Error) => error.message,
  );
