import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createWriter } from '../../../src/adapters/registry.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  InvalidRequestError,
  WrongStateError,
} from '../../../src/contracts/errors.js';
import type { JsonObject } from '../../../src/contracts/json.js';
import type { Writer, WriterParameters } from '../../../src/contracts/writer.js';
import { expectDiaError, until, within } from '../../support/calls.js';
import { imageFile } from '../../support/imageFile.js';
import { SimplonFake } from '../../support/simplonFake.js';

describe('the adapter of the file writer inside DECTRIS control units', () => {
  let fake: SimplonFake;
  let folder: string;
  let writer: Writer;

  beforeEach(async () => {
    fake = await SimplonFake.start();
    folder = mkdtempSync(join(tmpdir(), 'dia-filewriter-'));
    await make({});
  });
  afterEach(async () => {
    await writer.disconnect();
    await fake.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function make(options: JsonObject): Promise<void> {
    await writer?.disconnect();
    writer = createWriter('simplon-filewriter', 'writer', { url: fake.url, ...options });
    await writer.connect();
  }

  const parameters = (changes: Partial<WriterParameters> = {}): WriterParameters => ({
    outputFile: join(folder, 'run.h5'),
    frames: 3,
    userId: -1,
    existingFile: 'number',
    extra: {},
    acquisition: {},
    acquisitionId: 'a',
    ...changes,
  });

  async function begin(changes: Partial<WriterParameters> = {}): Promise<string | null> {
    await writer.configure(parameters(changes), within());
    return (await writer.start(within())).file;
  }

  const report = () => writer.report(within());
  const reaches = (word: string) => until(report, ({ status }) => status === word);

  it('is stopped, configured, receiving, writing and finished, with the file fetched and its frames counted', async () => {
    expect((await report()).status).to.equal('stopped');
    await writer.configure(parameters(), within());
    expect((await report()).status).to.equal('configured');
    const { file } = await writer.start(within());
    expect(file).to.equal(join(folder, 'run.h5'));
    expect(fake.calls).to.deep.equal([
      'filewriter/name_pattern="run_$id"',
      'filewriter/nimages_per_file=0',
      'filewriter/mode="enabled"',
    ]);
    expect((await report()).status).to.equal('receiving');
    fake.status['filewriter/state'] = 'acquire';
    expect((await report()).status).to.equal('writing');
    const made = await imageFile(3);
    fake.files.set('run_11_master.h5', made);
    fake.status['filewriter/state'] = 'ready';
    const last = await reaches('finished');
    expect(last.statistics).to.include({ writtenFrames: 3, lostFrames: 0, expectedFrames: 3 });
    expect(last.statistics.writtenBytes).to.equal(made.byteLength);
    expect(readFileSync(String(last.file)).equals(made)).to.equal(true);
  });

  it('fetches all data files, and the master file when they are there', async () => {
    await make({ imagesPerFile: 2 });
    expect(await begin()).to.equal(null);
    fake.files.set('run_11_master.h5', Buffer.from('master'));
    fake.files.set('run_11_data_000001.h5', await imageFile(2));
    expect((await report()).status).to.equal('receiving');
    fake.files.set('run_11_data_000002.h5', await imageFile(1));
    const last = await reaches('finished');
    expect(last.statistics.writtenFrames).to.equal(3);
    expect(readdirSync(folder).sort()).to.deep.equal([
      'run.h5',
      'run_11_data_000001.h5',
      'run_11_data_000002.h5',
    ]);
    expect(readFileSync(join(folder, 'run.h5'), 'utf8')).to.equal('master');
  });

  it('leaves the files where they are when the options say so', async () => {
    await make({ files: 'leave' });
    expect(await begin()).to.equal(null);
    fake.files.set('run_11_master.h5', Buffer.from('x'));
    expect((await reaches('finished')).statistics.writtenFrames).to.equal(3);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('takes the files of its own series only', async () => {
    fake.files.set('run_9_master.h5', await imageFile(3));
    await begin();
    fake.files.set('other_11_master.h5', await imageFile(3));
    fake.files.set('run_x_11_master.h5', await imageFile(3));
    expect((await report()).status).to.equal('receiving');
    fake.files.set('run_11_master.h5', await imageFile(3));
    await reaches('finished');
  });

  it('never writes over a file: the next free name, or an error', async () => {
    writeFileSync(join(folder, 'run.h5'), 'precious');
    expect(await begin()).to.equal(join(folder, 'run_001.h5'));
    expect(fake.filewriter.name_pattern?.value).to.equal('run_001_$id');
    await expectDiaError(begin({ existingFile: 'refuse' }), WrongStateError, 'file_exists');
    await make({ imagesPerFile: 1 });
    await begin({ frames: 1, outputFile: join(folder, 'many.h5') });
    writeFileSync(join(folder, 'many_11_data_000001.h5'), 'precious');
    fake.files.set('many_11_data_000001.h5', await imageFile(1));
    fake.files.set('many_11_master.h5', Buffer.from('x'));
    expect((await reaches('error')).error).to.contain('could not fetch');
    expect(readFileSync(join(folder, 'many_11_data_000001.h5'), 'utf8')).to.equal('precious');
    expect(readFileSync(join(folder, 'run.h5'), 'utf8')).to.equal('precious');
  });

  it('refuses names that the control unit could not keep', async () => {
    for (const name of ['a b.h5', 'a$id.h5', '.h5', '-a.h5', 'a%2f.h5']) {
      const call = writer.configure(parameters({ outputFile: join(folder, name) }), within());
      await expectDiaError(call, InvalidRequestError, 'invalid_path');
    }
  });

  it('counts what is missing when it is stopped early', async () => {
    await begin({ frames: 5 });
    fake.files.set('run_11_master.h5', await imageFile(2));
    await reaches('stopped');
    expect((await report()).statistics).to.include({ writtenFrames: 2, lostFrames: 3 });
  });

  it('leaves no empty file behind when no file was made', async () => {
    await begin();
    await writer.stop(within());
    expect(await report()).to.deep.include({ status: 'stopped' });
    expect(existsSync(join(folder, 'run.h5'))).to.equal(false);
    await writer.stop(within());
  });

  it('is stopped after a reset, with nothing left behind', async () => {
    await begin();
    await writer.reset(within());
    expect((await report()).status).to.equal('stopped');
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('is in error when the file cannot be fetched, in the words of the control unit', async () => {
    await begin();
    fake.files.set('run_11_master.h5', await imageFile(3));
    fake.missing.add('run_11_master.h5');
    expect((await reaches('error')).error).to.contain('HTTP 404');
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('does not start before it is configured', async () => {
    await expectDiaError(writer.start(within()), ComponentFailedError, 'component_wrong_state');
  });

  it('calls a control unit that is gone unreachable', async () => {
    await fake.close();
    await expectDiaError(writer.report(within()), ComponentSilentError, 'component_unreachable');
    fake = await SimplonFake.start();
  });
});
