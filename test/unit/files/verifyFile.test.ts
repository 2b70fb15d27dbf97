import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ComponentFailedError, ComponentSilentError } from '../../../src/contracts/errors.js';
import { loadHdf5 } from '../../../src/files/hdf5.js';
import { checkFile, type FileFacts, verifyFile } from '../../../src/files/verifyFile.js';
import { prepareVerification, verifyInWorker } from '../../../src/files/verifyInWorker.js';
import { writeNexus } from '../../support/writerNexus.js';

describe('verifyFile', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-verify-'));
    path = join(folder, 'run.h5');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const within = (timeoutMs: number, signal = new AbortController().signal) => ({ signal, timeoutMs });

  it('counts the frames of a complete file', async () => {
    await writeNexus(path, { expected: 3, frames: [0, 1, 2] });
    const facts = await verifyFile(path);
    expect(facts).to.deep.include({
      file: path,
      layout: 'nexus',
      complete: true,
      frames: 3,
      framesWritten: 3,
      framesExpected: 3,
      framesLost: 0,
      shape: [2, 3],
      dtype: 'uint16',
      problems: [],
    });
    expect(facts.sizeBytes).to.be.greaterThan(1000);
  });

  it('does not count gaps as frames', async () => {
    await writeNexus(path, { expected: 5, frames: [3, 0] });
    const facts = await verifyFile(path);
    expect(facts).to.include({ complete: false, frames: 4, framesWritten: 2, framesLost: 3 });
  });

  it('finds the images of files that others wrote', async () => {
    const { File } = await loadHdf5();
    const file = new File(path, 'w');
    const data = new Float32Array(24);
    file
      .create_group('a')
      .create_group('b')
      .create_dataset({ name: 'images', data, shape: [4, 2, 3] });
    file.close();
    expect(await verifyFile(path)).to.deep.include({
      layout: 'generic',
      complete: null,
      framesWritten: 4,
      shape: [2, 3],
      dtype: 'float32',
      problems: [],
    });
  });

  it('takes a file that is no stack of ours, though parts of it have our names, for what it is', async () => {
    const { File } = await loadHdf5();
    const file = new File(path, 'w');
    file.create_dataset({ name: 'entry', data: new Float32Array(24), shape: [4, 2, 3] });
    file.close();
    expect(await verifyFile(path)).to.include({ layout: 'generic', frames: 4, complete: null });
  });

  it('never takes a broken file of ours for a whole one of others', async () => {
    await writeNexus(path, { expected: 1, frames: [0] });
    const bytes = await readFile(path);
    // The header of the group that says where everything is: the last one before the attribute that only it has.
    const header = bytes.lastIndexOf('OHDR', bytes.lastIndexOf('frame_numbers'));
    bytes[header + 12] = (bytes[header + 12] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    const error = await verifyFile(path).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ComponentFailedError).with.property('code', 'file_invalid');
  });

  it('says what is wrong with files that are none', async () => {
    await writeFile(join(folder, 'text.h5'), 'text');
    await writeFile(join(folder, 'empty.h5'), '');
    await writeNexus(path, { expected: 1, frames: [0] });
    await truncate(path, 500);
    for (const name of ['text.h5', 'empty.h5', 'absent.h5', 'run.h5']) {
      const error = await verifyFile(join(folder, name)).catch((thrown: unknown) => thrown);
      expect(error, name).to.be.instanceOf(ComponentFailedError).with.property('code', 'file_invalid');
      expect((error as Error).message)
        .to.contain(name)
        .and.not.to.contain('\n');
    }
  });

  it('answers the same from its thread, within milliseconds once it is warm', async () => {
    await writeNexus(path, { expected: 100, frames: Array.from({ length: 100 }, (_, index) => index) });
    await prepareVerification();
    expect(await verifyInWorker(path, within(5000))).to.deep.equal(await verifyFile(path));
    const errors = await Promise.allSettled([
      verifyInWorker(join(folder, 'absent.h5'), within(5000)),
      verifyInWorker(path, within(5000)),
    ]);
    expect(errors.map((outcome) => outcome.status)).to.deep.equal(['rejected', 'fulfilled']);
    const [failed] = errors;
    if (failed?.status === 'rejected') expect(failed.reason).to.have.property('code', 'file_invalid');
  });

  it('gives up a file system that hangs, in time, and answers the next question', async () => {
    // Opening a pipe that nobody writes to hangs as a lost network disk does.
    const pipe = join(folder, 'pipe.h5');
    expect(spawnSync('mkfifo', [pipe]).status).to.equal(0);
    await writeNexus(path, { expected: 1, frames: [0] });
    await prepareVerification();
    const error = await verifyInWorker(pipe, within(150)).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ComponentSilentError).with.property('code', 'component_timeout');
    expect(await verifyInWorker(path, within(10_000))).to.include({ complete: true });
    // Lets the thread that hangs go.
    const release = spawn('sh', ['-c', 'exec 3<>"$0"; echo > "$0"', pipe], { stdio: 'ignore' });
    await new Promise((resolve) => release.on('close', resolve));
  });

  it('stops waiting when it is told to', async () => {
    const controller = new AbortController();
    const waiting = verifyInWorker(path, within(10_000, controller.signal));
    controller.abort(new Error('enough'));
    const error = await waiting.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('message', 'enough');
  });

  it('keeps no program alive', function () {
    this.timeout(10_000);
    const module = fileURLToPath(new URL('../../../src/files/verifyInWorker.js', import.meta.url));
    const script = `import { prepareVerification } from ${JSON.stringify(module)}; await prepareVerification();`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 8000 });
    expect(ran.status).to.equal(0);
  });
});

describe('checkFile', () => {
  const facts: FileFacts = {
    file: '/x.h5',
    layout: 'nexus',
    complete: true,
    frames: 10,
    framesWritten: 10,
    framesExpected: 10,
    framesLost: 0,
    acquisitionId: null,
    framesIncomplete: null,
    shape: [4, 6],
    dtype: 'uint16',
    sizeBytes: 1,
    problems: [],
  };

  it('finds nothing in a file that is as it should be', () => {
    expect(checkFile(facts, { frames: 10, shape: [4, 6], dtype: 'uint16' })).to.deep.equal([]);
  });

  it('names everything that differs', () => {
    const other: FileFacts = {
      ...facts,
      framesWritten: 7,
      complete: false,
      problems: ['It was not closed.'],
    };
    expect(checkFile(other, { frames: 10, shape: [6, 4], dtype: 'uint32' })).to.deep.equal([
      'It was not closed.',
      'It holds 7 of 10 frames.',
      'Its frames are 4x6, not 6x4.',
      'Its pixels are uint16, not uint32.',
    ]);
    expect(checkFile({ ...facts, complete: false }, { frames: 10 })).to.deep.equal([
      'It is not marked complete.',
    ]);
  });
});
