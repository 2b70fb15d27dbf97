import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Context } from 'mocha';
import { type Hdf5, loadHdf5 } from '../../../../src/files/hdf5.js';
import { replaceObjects, writeNewFile } from '../../../../src/writer/hdf5/newFile.js';
import {
  type AttributeValue,
  type NewDataset,
  NewGroup,
  newDataset,
  type SoftLink,
} from '../../../../src/writer/hdf5/newObjects.js';
import { BYTES_PER_VALUE, PIXEL_TYPES } from '../../../../src/writer/pixelTypes.js';
import { writeWithLibrary } from '../../../support/libraryFile.js';
import { requirePython } from '../../../support/pythonTools.js';

const SCRIPT = fileURLToPath(new URL('../../../../../test/support/describeFiles.py', import.meta.url));
const FILES = 20;

type Child = NewGroup | NewDataset | SoftLink;

/** Texts that the library keeps whole: for C they end at a zero. */
const text = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }).map((one) => one.replaceAll('\0', '')),
  },
  // Longer than the heap of texts usually is, and than a message of a header may be.
  { weight: 1, arbitrary: fc.integer({ min: 300, max: 10_000 }).map((count) => 'läng€r '.repeat(count)) },
);
const name = fc.stringMatching(/^[A-Za-z_][\w.-]{0,63}$/);
const attribute: fc.Arbitrary<AttributeValue> = fc.oneof(
  text,
  fc.array(text, { minLength: 1, maxLength: 4 }),
);
const attributes = fc.dictionary(name, attribute, { maxKeys: 9, noNullPrototype: true });

const number: fc.Arbitrary<NewDataset> = fc
  .constantFrom(...PIXEL_TYPES)
  .chain((type) =>
    fc
      .tuple(
        fc.uint8Array({ minLength: BYTES_PER_VALUE[type], maxLength: BYTES_PER_VALUE[type] }),
        attributes,
      )
      .map(([value, more]) => newDataset(type, { value }, more)),
  );
const words = fc.tuple(text, attributes).map(([value, more]) => newDataset('text', { value }, more));
const fixedWord = fc
  .stringMatching(/^[ -~]{1,300}$/)
  .map((word) => newDataset({ textBytes: word.length }, { value: Buffer.from(word) }));
const growing = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...PIXEL_TYPES),
      fc.integer({ min: 1, max: 300 }).map((textBytes) => ({ textBytes })),
    ),
    fc.oneof(
      fc.record({ rowShape: fc.constant([]), chunkRows: fc.integer({ min: 1, max: 70_000 }) }),
      fc.record({
        rowShape: fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 1 }),
        chunkRows: fc.integer({ min: 1, max: 200 }),
      }),
      fc.record({
        rowShape: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 2, maxLength: 2 }),
        chunkRows: fc.constant(1),
      }),
    ),
    attributes,
  )
  .map(([type, content, more]) => newDataset(type, content, more));
const link = fc.stringMatching(/^(\/[\w.-]{1,200}){1,4}$/).map((path): SoftLink => ({ kind: 'link', path }));

const { group } = fc.letrec<{ group: NewGroup }>((tie) => ({
  group: fc
    .tuple(
      attributes,
      fc.dictionary(
        name,
        fc.oneof<fc.Arbitrary<Child>[]>(
          { maxDepth: 3 },
          number,
          words,
          fixedWord,
          growing,
          link,
          tie('group'),
        ),
        { maxKeys: 10, noNullPrototype: true },
      ),
    )
    .map(([own, children]) => {
      const made = new NewGroup();
      for (const [key, value] of Object.entries(own)) made.attributes.set(key, value);
      for (const [key, child] of Object.entries(children)) made.add(key, child);
      return made;
    }),
}));

describe('New HDF5 files, beside those that the library makes of the same objects', function () {
  this.timeout(60_000);
  let hdf5: Hdf5;
  let folder: string;
  let seed: number;
  /** Of each: made by us, made by us in place of others, made by the library. */
  const files: string[] = [];

  before(async () => {
    hdf5 = await loadHdf5();
    folder = await mkdtemp(join(tmpdir(), 'dia-beside-'));
    seed = Date.now() % 2 ** 31;
    for (const [index, root] of fc.sample(group, { numRuns: FILES, seed }).entries()) {
      const path = (kind: string) => join(folder, `${kind}-${index}.h5`);
      writeNewFile(path('ours'), root);
      writeNewFile(path('replaced'), new NewGroup());
      replaceObjects(path('replaced'), root);
      writeWithLibrary(hdf5, path('library'), root);
      files.push(path('ours'), path('replaced'), path('library'));
    }
  });

  after(() => rm(folder, { recursive: true, force: true }));

  /** How libhdf5 sees the files, three by three. */
  function described(context: Context, ...options: string[]): unknown[][] {
    const all = describeFiles(context, ...options, ...files);
    return Array.from({ length: FILES }, (_, index) => all.slice(3 * index, 3 * index + 3));
  }

  function describeFiles(context: Context, ...options: string[]): unknown[] {
    const command = [SCRIPT, ...options];
    const { status, stdout, stderr } = spawnSync(requirePython(context), command, {
      encoding: 'utf8',
      maxBuffer: 1024 ** 3,
    });
    expect(status, stderr).to.equal(0);
    return JSON.parse(stdout);
  }

  it('are the same to libhdf5: types, spaces, chunks, fill values, attributes, links, messages', function () {
    for (const [ours, replaced, library] of described(this)) {
      expect(ours, `seed ${seed}`).to.deep.equal(library);
      expect(replaced, `seed ${seed}`).to.deep.equal(library);
    }
  });

  it('are the same after libhdf5 has opened them for writing and added to each group', function () {
    for (const [ours, replaced, library] of described(this, '--change')) {
      expect(ours, `seed ${seed}`).to.deep.equal(library);
      expect(replaced, `seed ${seed}`).to.deep.equal(library);
    }
  });

  it('name the filters of their chunks, which the library would not do without having them', function () {
    const path = join(folder, 'filters.h5');
    const root = new NewGroup();
    const content = { rowShape: [40, 30], chunkRows: 1 };
    const filters = {
      bslz4: { id: 32_008, options: [0, 4, 2, 0, 2] },
      lz4: { id: 32_004, options: [] },
    };
    for (const [key, filter] of Object.entries(filters))
      root.add(key, newDataset('uint16', { ...content, filter }));
    root.add('plain', newDataset('uint16', content));
    writeNewFile(path, root);
    const [found] = describeFiles(this, path) as [DescribedGroup];
    const { bslz4, lz4, plain } = found.links;
    const mandatory = 0;
    expect(bslz4?.object.filters).to.deep.equal([[32_008, mandatory, [0, 4, 2, 0, 2]]]);
    expect(lz4?.object.filters).to.deep.equal([[32_004, mandatory, []]]);
    const filterMessage = 1 << 0x0b;
    for (const one of [bslz4, lz4]) {
      const { messages = 0, ...rest } = one?.object ?? {};
      expect({ ...rest, filters: [], messages: messages & ~filterMessage }).to.deep.equal(plain?.object);
    }
  });
});

interface DescribedGroup {
  readonly links: Readonly<
    Record<string, { readonly object: { readonly filters?: unknown; readonly messages?: number } }>
  >;
}
