import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Dataset, File, Group } from 'h5wasm/node';
import { type Hdf5, loadHdf5 } from '../../../../src/files/hdf5.js';
import { replaceObjects, writeNewFile } from '../../../../src/writer/hdf5/newFile.js';
import { type NewDataset, NewGroup, newDataset } from '../../../../src/writer/hdf5/newObjects.js';
import { mount, unmount } from '../../../support/mounts.js';

/** What a text, a list of attributes, or a group comes to when it is read. */
type Read = string | { [name: string]: Read };

describe('A new HDF5 file', () => {
  let hdf5: Hdf5;
  let folder: string;
  let path: string;

  before(async () => {
    hdf5 = await loadHdf5();
    folder = await mkdtemp(join(tmpdir(), 'dia-new-'));
    path = join(folder, 'new.h5');
  });

  after(() => rm(folder, { recursive: true, force: true }));

  function withLibrary<T>(how: 'r' | 'a', work: (file: File) => T): T {
    const file = new hdf5.File(path, how);
    try {
      return work(file);
    } finally {
      file.close();
    }
  }

  const name = fc.stringMatching(/^[A-Za-z_][\w.-]{0,63}$/);
  const text = fc.string({ unit: 'grapheme', maxLength: 200 }).map((one) => one.replaceAll('\0', ''));
  const { tree } = fc.letrec<{ tree: Read }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 2 },
      text,
      fc.dictionary(name, tie('tree'), { maxKeys: 12, noNullPrototype: true }),
    ),
  }));
  const whole = fc.dictionary(name, tree, { maxKeys: 12, noNullPrototype: true });

  function groupOf(content: { [name: string]: Read }): NewGroup {
    const group = new NewGroup();
    for (const [key, value] of Object.entries(content)) {
      if (typeof value === 'string') {
        group.attributes.set(key, value);
        group.add(key, newDataset('text', { value }, { same: value }));
      } else {
        group.add(key, groupOf(value));
      }
    }
    return group;
  }

  function readGroup(group: Group): Read {
    const found: { [name: string]: Read } = {};
    for (const key of group.keys()) {
      const child = group.get(key);
      if (child !== null && 'keys' in child) found[key] = readGroup(child);
      else if (child !== null && 'value' in child) {
        const value = child.value as string;
        expect(child.attrs.same?.value).to.equal(value);
        expect(group.attrs[key]?.value).to.equal(value);
        found[key] = value;
      }
    }
    return found;
  }

  it('holds groups, texts and attributes of any number and length, as the library reads them', () => {
    fc.assert(
      fc.property(whole, (content) => {
        writeNewFile(path, groupOf(content));
        expect(withLibrary('r', readGroup)).to.deep.equal(content);
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  it('has others in their place when they are replaced, and can be changed by the library', () => {
    fc.assert(
      fc.property(whole, whole, (first, second) => {
        writeNewFile(path, groupOf(first));
        replaceObjects(path, groupOf(second));
        expect(withLibrary('r', readGroup)).to.deep.equal(second);
        withLibrary('a', (file) => {
          for (let number = 0; number < 12; number += 1) {
            file.create_attribute(`+${number}`, 'added', null, 'S');
            file.create_group(`+${number}`);
          }
        });
        const added = Object.fromEntries(Array.from({ length: 12 }, (_, number) => [`+${number}`, {}]));
        expect(withLibrary('r', readGroup)).to.deep.equal({ ...second, ...added });
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it('tells where the values of its datasets lie', async () => {
    const root = new NewGroup();
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const dataset: NewDataset = root.add('number', newDataset('int64', { value }));
    const { values } = writeNewFile(path, root);
    const at = values.get(dataset) ?? 0;
    expect([...(await readFile(path)).subarray(at, at + 8)]).to.deep.equal([...value]);
    expect(withLibrary('r', (file) => (file.get('number') as Dataset).value)).to.equal(0x0807060504030201n);
  });

  it('stays as it was when the disk has no room for others', async function () {
    const disk = await mkdtemp(join(folder, 'disk-'));
    await mount(this, ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    const outside = path;
    try {
      path = join(disk, 'new.h5');
      const root = new NewGroup();
      root.add('text', newDataset('text', { value: 'what was there' }));
      writeNewFile(path, root);
      const { size } = await stat(path);
      await writeFile(join(disk, 'rest'), Buffer.alloc(100_000)).catch(() => undefined);
      const other = new NewGroup();
      other.add('text', newDataset('text', { value: 'x'.repeat(10_000) }));
      expect(() => replaceObjects(path, other)).to.throw(/ENOSPC/);
      expect((await stat(path)).size).to.equal(size);
      expect(withLibrary('r', readGroupText)).to.equal('what was there');
    } finally {
      path = outside;
      await unmount(disk);
    }
  });

  const readGroupText = (file: File) => (file.get('text') as Dataset).value;

  it('is refused when a name is there twice or unfit, a chunk too large, or there are too many texts', () => {
    const root = new NewGroup();
    root.add('a', new NewGroup());
    expect(() => root.add('a', new NewGroup())).to.throw('There is a a already');
    for (const name of ['b'.repeat(256), '', '.', 'a/b', 'ä', 'a\0']) {
      const named = new NewGroup();
      named.add(name, new NewGroup());
      expect(() => writeNewFile(path, named), name).to.throw('is no name for an object of a file');
    }
    const large = new NewGroup();
    large.add('large', newDataset('uint32', { rowShape: [2 ** 15, 2 ** 15], chunkRows: 1 }));
    expect(() => writeNewFile(path, large)).to.throw('4 GiB');
    const many = new NewGroup();
    for (let number = 0; number < 0x10000; number += 1)
      many.add(`${number}`, newDataset('text', { value: '' }));
    expect(() => writeNewFile(path, many)).to.throw('too many texts');
  });
});
