import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Dataset, File } from 'h5wasm/node';
import { type Hdf5, loadHdf5 } from '../../../../src/files/hdf5.js';
import { AppendFile } from '../../../../src/writer/hdf5/appendFile.js';
import { mount, unmount } from '../../../support/mounts.js';
import { addressOf } from '../../../support/objectAddress.js';
import { upTo } from '../../../support/writerFrames.js';

describe('AppendFile', () => {
  let hdf5: Hdf5;
  let folder: string;
  let files = 0;

  before(async () => {
    hdf5 = await loadHdf5();
    folder = await mkdtemp(join(tmpdir(), 'dia-append-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  /** A file with an empty dataset of int32, so many values a chunk. */
  function begin(where = folder, chunkValues = 1): { path: string; file: AppendFile; address: number } {
    files += 1;
    const path = join(where, `${files}.h5`);
    const library = new hdf5.File(path, 'w', { libver: 'v110' });
    const shapes = { shape: [0], maxshape: [null], chunks: [chunkValues] };
    library.create_dataset({ name: 'values', data: new Int32Array(0), dtype: '<i', ...shapes });
    const address = addressOf(hdf5, library, 'values');
    library.close();
    return { path, file: new AppendFile(path), address };
  }

  /** Writes value + 1 for each of these numbers, as the chunk of that number. */
  async function write(numbers: readonly number[], flushEvery = Number.POSITIVE_INFINITY): Promise<string> {
    const { path, file, address } = begin();
    const dataset = file.growing(address);
    for (const [index, number] of numbers.entries()) {
      dataset.reserve(number);
      file.append({
        bytes: new Uint8Array(Int32Array.of(number + 1).buffer),
        isBorrowed: index % 3 === 0,
        written: (place) => {
          dataset.setChunk(number, place, 4);
          dataset.growTo(number + 1);
        },
      });
      if (index % flushEvery === 0) await file.flush(() => undefined);
    }
    await file.atMost(0);
    await file.flush(() => undefined);
    await file.rest();
    file.close();
    return path;
  }

  function read(path: string, how: 'r' | 'Sr' = 'r'): number[] {
    const library: File = new hdf5.File(path, how);
    try {
      return [...((library.get('values') as Dataset).value as Int32Array)];
    } finally {
      library.close();
    }
  }

  function wanted(numbers: readonly number[]): number[] {
    const values = new Array<number>(Math.max(-1, ...numbers) + 1).fill(0);
    for (const number of numbers) values[number] = number + 1;
    return values;
  }

  it('leads the library to every chunk, in whatever order they come, with nothing where none came', async () => {
    const numbers = fc.uniqueArray(fc.oneof(fc.nat(30), fc.nat(3000)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(numbers, fc.integer({ min: 1, max: 20 }), async (some, flushEvery) => {
        expect(read(await write(some, flushEvery))).to.deep.equal(wanted(some));
      }),
      { numRuns: 60 },
    );
  });

  it('finds chunks in blocks so large that they come in pages', async () => {
    // Where blocks of 2048 elements and of 4096 begin, the first in pages; and the ends of pages.
    const starts = [131_060, 131_060 + 64 * 2048, 131_060 + 128 * 2048];
    const numbers = starts.flatMap((start) => [start - 1, start, start + 1023, start + 1024, start + 40_000]);
    const library = new hdf5.File(await write(numbers), 'r');
    const values = library.get('values') as Dataset;
    const at = (number: number) => [...(values.slice([[number, number + 2]]) as Int32Array)];
    const expected = (number: number) => (numbers.includes(number) ? number + 1 : 0);
    const last = Math.max(...numbers);
    for (const number of numbers.filter((one) => one < last)) {
      expect(at(number)).to.deep.equal([number, number + 1].map(expected));
    }
    library.close();
  });

  it('shows readers what was flushed, and leaves a file that opens when nobody closes it', async () => {
    const { path, file, address } = begin();
    const dataset = file.growing(address);
    for (const number of [0, 1, 2]) {
      dataset.reserve(number);
      const written = (place: number) => {
        dataset.setChunk(number, place, 4);
        dataset.growTo(number + 1);
      };
      file.append({ bytes: new Uint8Array(Int32Array.of(number + 1).buffer), isBorrowed: false, written });
      await file.atMost(0);
      if (number < 2) await file.flush(() => undefined);
    }
    expect(read(path, 'Sr')).to.deep.equal([1, 2]);
    file.close();
  });

  it('leads to every chunk that fitted on a disk that is full', async function () {
    const disk = await mkdtemp(join(folder, 'disk-'));
    await mount(this, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      // So many that blocks of the index are larger than the system's pages; and such that are laid on their borders.
      const cases = [true, false].flatMap((isBorrowed) => [
        { isBorrowed, chunkValues: 1, atLeast: 30_000 },
        { isBorrowed, chunkValues: 4096, atLeast: 50 },
      ]);
      for (const { isBorrowed, chunkValues, atLeast } of cases) {
        const { path, file, address } = begin(disk, chunkValues);
        const dataset = file.growing(address);
        let written = 0;
        const fill = async () => {
          for (let number = 0; ; number += 1) {
            dataset.reserve(number);
            const bytes = new Uint8Array(new Int32Array(chunkValues).fill(number + 1).buffer);
            const done = (place: number) => {
              dataset.setChunk(number, place, bytes.byteLength);
              dataset.growTo((number + 1) * chunkValues);
              written += 1;
            };
            file.append({ bytes, isBorrowed, written: done });
            await file.atMost(100_000);
          }
        };
        expect(await fill().catch(({ code }: NodeJS.ErrnoException) => code)).to.equal('ENOSPC');
        await file.settle();
        // Nothing was shown so far.
        await file.flush(() => undefined);
        await file.rest();
        file.close();
        expect(written).to.be.at.least(atLeast);
        const values = read(path);
        expect(values.length).to.equal(written * chunkValues);
        expect(values.filter((_, index) => index % chunkValues === 0)).to.deep.equal(wanted(upTo(written)));
        await rm(path);
      }
    } finally {
      await unmount(disk);
    }
  });

  it('refuses a dataset that is not empty or does not grow', () => {
    files += 1;
    const path = join(folder, `${files}.h5`);
    const library = new hdf5.File(path, 'w', { libver: 'v110' });
    library.create_dataset({ name: 'fixed', data: Int32Array.of(1), dtype: '<i' });
    const filled = { shape: [1], maxshape: [null], chunks: [1] };
    library.create_dataset({ name: 'filled', data: Int32Array.of(1), dtype: '<i', ...filled });
    const addresses = ['fixed', 'filled'].map((name) => addressOf(hdf5, library, name));
    library.close();
    const file = new AppendFile(path);
    for (const address of addresses) expect(() => file.growing(address)).to.throw(/not as expected/);
    expect(() => file.growing(8)).to.throw(/no OHDR at 8/);
    file.close();
  });
});
