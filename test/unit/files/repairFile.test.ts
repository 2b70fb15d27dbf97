import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { DiaError } from '../../../src/contracts/errors.js';
import { lookup3 } from '../../../src/files/lookup3.js';
import { repairFile } from '../../../src/files/repairFile.js';
import { verifyFile } from '../../../src/files/verifyFile.js';
import { requirePython } from '../../support/pythonTools.js';
import { upTo } from '../../support/writerFrames.js';
import { writeNexus } from '../../support/writerNexus.js';

const run = promisify(execFile);
const ascii = (text: string) => new TextEncoder().encode(text);

describe('lookup3', () => {
  it('gives the published values', () => {
    // Source: driver5 of lookup3.c.
    expect(lookup3(ascii(''))).to.equal(0xdeadbeef);
    expect(lookup3(ascii('Four score and seven years ago'))).to.equal(0x17770551);
  });
});

describe('repairFile', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-repair-'));
    path = join(folder, 'run.h5');
    await writeNexus(path, { expected: 3, frames: [0, 1, 2] });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const old = (file: string) => utimes(file, new Date(0), new Date(0));
  const refusal = async () => {
    const error = await repairFile(path).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(DiaError);
    return error as DiaError;
  };

  /** Sets flags and end in the superblock as a writer that was killed leaves them. */
  async function spoil(flags: number, endOffset = 0): Promise<void> {
    const bytes = await readFile(path);
    bytes[11] = flags;
    bytes.writeBigUInt64LE(BigInt(bytes.length + endOffset), 28);
    bytes.writeUInt32LE(lookup3(bytes.subarray(0, 44)), 44);
    await writeFile(path, bytes);
    await old(path);
  }

  it('leaves a file that was closed as it is', async () => {
    const before = await readFile(path);
    expect((await repairFile(path)).found).to.deep.equal([]);
    expect(await readFile(path)).to.deep.equal(before);
  });

  for (const [flags, endOffset] of [
    [5, 0],
    [1, 0],
    [5, 4096],
    [5, -100],
    [0, 4096],
  ] as const) {
    it(`makes a file whole again that has the flags ${flags} and an end ${endOffset} bytes off`, async () => {
      const before = await readFile(path);
      await spoil(flags, endOffset);
      expect((await repairFile(path)).found).not.to.deep.equal([]);
      expect(await readFile(path)).to.deep.equal(before);
    });
  }

  it('opens a file that was cut short, of which is said that its last frames are not there', async () => {
    await writeNexus(path, { expected: 50, frames: upTo(50) });
    expect(await verifyFile(path, { isThorough: true })).to.deep.include({ complete: true, problems: [] });
    const { length } = await readFile(path);
    // Four frames of 12 bytes, and a part of one.
    await truncate(path, length - 50);
    await old(path);
    expect((await repairFile(path)).found).to.have.length(1);
    expect((await verifyFile(path, { isThorough: true })).problems).to.deep.equal([
      'Frame 49 lies beyond the end of the file: the file was cut short.',
    ]);
  });

  it('makes files that h5py opens, where h5py left one open', async function () {
    const python = requirePython(this);
    const made = join(folder, 'h5py.h5');
    const script = `
import h5py, os, signal, sys
file = h5py.File(sys.argv[1], "w", libver="latest")
data = file.create_dataset("data", (0, 4), maxshape=(None, 4), chunks=(1, 4), dtype="u2")
file.swmr_mode = True
for n in range(500):
    data.resize(n + 1, axis=0)
    data[n] = n
    if n == 400: file.flush()
os.kill(os.getpid(), signal.SIGKILL)`;
    await run(python, ['-c', script, made]).catch(() => undefined);
    const read = 'import h5py, sys; f = h5py.File(sys.argv[1], "r"); print(int(f["data"][400, 3]))';
    const before = await run(python, ['-c', read, made]).catch(({ stderr }) => ({ stdout: String(stderr) }));
    expect(before.stdout).to.match(/already open|unable/i);
    await copyFile(made, path);
    await old(path);
    await repairFile(path);
    expect((await run(python, ['-c', read, path])).stdout.trim()).to.equal('400');
  });

  it('refuses a file that a process has open for writing, and names it', async () => {
    await spoil(5);
    const writer = execFile('sh', ['-c', 'exec 3<>"$1"; echo open; exec sleep 60', 'sh', path]);
    try {
      await new Promise((resolve) => writer.stdout?.once('data', resolve));
      const error = await refusal();
      expect(error.code).to.equal('wrong_state');
      expect(error.message).to.include(`process ${writer.pid} has it open for writing`);
    } finally {
      writer.kill();
    }
  });

  it('refuses what it cannot repair, and changes nothing', async () => {
    const whole = await readFile(path);
    const attempts: [string, () => Promise<void>][] = [
      ['no HDF5 superblock', () => writeFile(path, 'no HDF5 at all'.repeat(10))],
      ['no HDF5 superblock', () => truncate(path, 20)],
      ['checksum', () => change(11, 5)],
      ['superblock version 0', () => change(8, 0)],
    ];
    for (const [reason, damage] of attempts) {
      await writeFile(path, whole);
      await damage();
      const damaged = await readFile(path);
      const error = await refusal();
      expect(error.code).to.equal('file_invalid');
      expect(error.message).to.include(reason);
      expect(await readFile(path)).to.deep.equal(damaged);
    }
    await rm(path);
    expect((await refusal()).code).to.equal('file_invalid');
  });

  it('keeps what was in the file', async () => {
    await spoil(5);
    expect((await verifyFile(path)).problems).to.have.lengthOf(1);
    await repairFile(path);
    expect(await verifyFile(path)).to.deep.include({ framesWritten: 3, complete: true, problems: [] });
  });

  async function change(offset: number, value: number): Promise<void> {
    const handle = await open(path, 'r+');
    await handle.write(Buffer.of(value), 0, 1, offset);
    await handle.close();
  }
});
