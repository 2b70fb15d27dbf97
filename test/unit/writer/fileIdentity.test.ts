import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FileIdentity } from '../../../src/writer/fileIdentity.js';

describe('FileIdentity', () => {
  let folder: string;
  let path: string;
  let identity: FileIdentity;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-identity-'));
    path = join(folder, 'run.h5');
    await writeFile(path, 'made');
    identity = new FileIdentity(path);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('finds nothing while the name leads to the same file, however much is written to it', async () => {
    await writeFile(path, 'something else');
    identity.require();
    expect(await identity.problem()).to.equal(null);
  });

  it('tells a file that is gone', async () => {
    await rename(path, join(folder, 'moved.h5'));
    expect(() => identity.require()).to.throw('the file is gone');
    expect(await identity.problem()).to.include('the file is gone');
  });

  it('tells another file in its place', async () => {
    await writeFile(join(folder, 'other.h5'), 'made');
    await rename(join(folder, 'other.h5'), path);
    expect(() => identity.require()).to.throw('another file has taken its place');
    expect(await identity.problem()).to.include('another file has taken its place');
  });
});
