import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { verifyFile } from '../../src/files/verifyFile.js';
import { requirePython } from '../support/pythonTools.js';
import { FrameSender, upTo } from '../support/writerFrames.js';
import { until, WriterProgram } from '../support/writerProgram.js';

const SCRIPT = fileURLToPath(new URL('../../../test/support/readLayout.py', import.meta.url));

interface Found {
  readonly shape: number[];
  readonly dtype: string;
  readonly value: unknown;
}

describe('layouts of dia writer, as h5py reads them', () => {
  let folder: string;
  let sender: FrameSender;
  let writers: WriterProgram[];
  let readers: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-writer-'));
    sender = await FrameSender.open();
    writers = [];
    readers = [];
  });

  afterEach(async () => {
    for (const reader of readers) reader.kill();
    await Promise.all(writers.map((writer) => writer.dispose()));
    sender.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function service(...args: string[]): Promise<WriterProgram> {
    const writer = await WriterProgram.start(['--service', '--stream', sender.address, ...args]);
    writers.push(writer);
    return writer;
  }

  /** Frames 0, 1 and 3 of four, with what SwissFEL's backend says of each. */
  async function sendFrames(): Promise<void> {
    for (const number of [0, 3, 1]) {
      const extra = {
        pulse_id: 1000 + number,
        is_good_frame: number !== 1,
        daq_rec: 7,
        pulse_ids: [1000 + number, 2000 + number],
        framenums: [number, number + 1],
        missing_packets_1: [0, number],
        module_number: [4, 5],
      };
      await sender.send(number, { extra });
    }
  }

  async function configured(writer: WriterProgram, body: Record<string, unknown>): Promise<void> {
    const output = { output_file: join(folder, 'run.h5'), n_frames: 4, ...body };
    const { code, body: answer } = await writer.rest('POST', '/configure', output);
    expect(code, JSON.stringify(answer)).to.equal(200);
    await writer.rest('POST', '/start');
  }

  async function ended(writer: WriterProgram): Promise<string> {
    await writer.untilStatus({ n_written_frames: 3 });
    return String((await writer.rest('POST', '/stop')).body.file);
  }

  function read(context: Context, file: string, ...groups: string[]): Record<string, Found> {
    const reader = spawnSync(requirePython(context), [SCRIPT, file, ...groups], { encoding: 'utf8' });
    expect(reader.status, reader.stderr).to.equal(0);
    return JSON.parse(reader.stdout) as Record<string, Found>;
  }

  const places = {
    nexus: { group: 'entry/instrument/detector', images: 'data', numbers: 'frame_number' },
    csaxs: { group: 'detector', images: 'images', numbers: 'frame_number' },
    swissfel: { group: 'data/JF07', images: 'data', numbers: 'frame' },
  } as const;

  for (const format of ['nexus', 'csaxs', 'swissfel'] as const) {
    const { group, images, numbers } = places[format];

    it(`${format} has the images, and what came with each of them, in /${group}`, async function () {
      const writer = await service('--format', format, '--detector-name', 'JF07');
      await configured(writer, {
        user_id: 11057,
        acquisition_id: 'a1',
        acquisition: { detector: { dr: 16 } },
      });
      await sendFrames();
      const found = read(this, await ended(writer), group, 'entry');
      expect(found[`${group}/${images}`]).to.deep.equal({
        shape: [4, 4, 6],
        dtype: 'uint16',
        value: [0, 1, 0, 3],
      });
      const values = {
        [numbers]: [0, 1, -1, 3],
        pulse_id: [1000, 1001, -1, 1003],
        is_good_frame: [1, 0, -1, 1],
        daq_rec: [7, 7, -1, 7],
        pulse_ids: [
          [1000, 2000],
          [1001, 2001],
          [-1, -1],
          [1003, 2003],
        ],
        framenums: [
          [0, 1],
          [1, 2],
          [-1, -1],
          [3, 4],
        ],
        missing_packets_1: [
          [0, 0],
          [0, 1],
          [-1, -1],
          [0, 3],
        ],
        module_number: [
          [4, 5],
          [4, 5],
          [-1, -1],
          [4, 5],
        ],
      };
      for (const [name, value] of Object.entries(values)) {
        expect(found[`${group}/${name}`]?.value, name).to.deep.equal(value);
      }
      expect(found[`${group}/pulse_id`]?.dtype).to.equal('int64');
      // Viewers find the images in every layout, and so do those who ask whether all is there.
      expect(found.plot).to.deep.equal(found[`${group}/${images}`]);
      const facts = Object.fromEntries(
        ['complete', 'frames_expected', 'frames_written', 'frames_lost', 'frames_incomplete', 'user_id'].map(
          (name) => [name, found[`entry/dia/${name}`]?.value],
        ),
      );
      expect(facts).to.deep.equal({
        complete: 0,
        frames_expected: 4,
        frames_written: 3,
        frames_lost: 1,
        frames_incomplete: 0,
        user_id: 11057,
      });
      expect(found['entry/acquisition_id']?.value).to.equal('a1');
      expect(JSON.parse(String(found['entry/acquisition_config']?.value))).to.deep.equal({
        detector: { dr: 16 },
      });
      expect(found['entry/instrument/detector/bit_depth_image']?.value).to.equal(16);
    });

    it(`${format} is known to dia verify, complete or not, growing and closed`, async () => {
      const writer = await service('--detector-name', 'JF07');
      await configured(writer, { format });
      await sendFrames();
      await writer.untilStatus({ n_written_frames: 3 });
      const facts = { layout: format, complete: false, framesWritten: 3, framesExpected: 4, shape: [4, 6] };
      const growing = await until('the flush', async () => {
        const seen = await verifyFile(join(folder, 'run.h5'));
        return seen.framesWritten === 3 ? seen : null;
      });
      expect(growing).to.deep.include(facts);
      expect(growing.problems.join()).to.contain('not closed');
      await sender.send(2);
      const { file } = await writer.untilStatus({ status: 'finished' });
      expect(await verifyFile(String(file))).to.deep.include({
        ...facts,
        complete: true,
        frames: 4,
        framesWritten: 4,
        framesLost: 0,
        problems: [],
      });
    });
  }

  it('csaxs keeps numbers, texts and truth values of the beamline in /entry/collection', async function () {
    const writer = await service('--format', 'csaxs');
    await configured(writer, {
      extra: { samx: 1.5, scan: 12, sample: 'collagen', shutter: true, list: [1], 'a/b': 2 },
    });
    expect((await writer.rest('POST', '/parameters', { samy: -3, sample: 'silver behenate' })).code).to.equal(
      200,
    );
    expect((await writer.rest('POST', '/parameters', { '../evil': 1 })).body).to.include({
      code: 'unknown_parameter',
    });
    expect((await writer.rest('POST', '/parameters', { samx: null })).body).to.include({
      code: 'unknown_parameter',
    });
    await sendFrames();
    const found = read(this, await ended(writer), 'entry/collection');
    const values = Object.entries(found).filter(([name]) => name !== 'plot');
    expect(Object.fromEntries(values.map(([name, { value }]) => [name, value]))).to.deep.equal({
      'entry/collection/samx': 1.5,
      'entry/collection/samy': -3,
      'entry/collection/scan': 12,
      'entry/collection/sample': 'silver behenate',
      'entry/collection/shutter': 1,
    });
  });

  it("swissfel takes the detector's name and its bad modules where PSI's start scripts put them", async function () {
    const file = join(folder, 'run.h5');
    const args = [sender.address, file, '4', '0', '-1', 'http://broker:1', '3', '1', 'JF06T08V01'];
    const writer = await WriterProgram.start(['--format', 'swissfel', ...args]);
    writers.push(writer);
    const parameters = {
      'general/created': 'today',
      'general/user': 'p11057',
      'general/instrument': 'jungfrau',
    };
    expect((await writer.rest('POST', '/parameters', parameters)).code).to.equal(200);
    expect((await writer.rest('POST', '/parameters', { samx: 1 })).code).to.equal(400);
    await sendFrames();
    await sender.send(2);
    expect((await writer.ended).code).to.equal(0);
    const found = read(this, file, 'general', 'data');
    const general = Object.entries(found).filter(([name]) => name.startsWith('general/'));
    expect(Object.fromEntries(general.map(([name, { value }]) => [name.slice(8), value]))).to.deep.equal({
      created: 'today',
      user: 'p11057',
      process: 'dia',
      instrument: 'jungfrau',
      detector_name: 'JF06T08V01',
      n_bad_modules: 1,
    });
    expect(found['data/JF06T08V01/frame']?.value).to.deep.equal(upTo(4));
  });

  it('refuses a layout that it does not know, and a name that is none', async () => {
    const writer = await service();
    const { code, body } = await writer.rest('POST', '/configure', {
      output_file: join(folder, 'run.h5'),
      n_frames: 1,
      format: 'nosuch',
    });
    expect(code).to.equal(400);
    expect(body.message).to.contain('nexus, csaxs, swissfel');
    for (const args of [
      ['--format', 'nosuch'],
      ['--detector-name', 'a/b'],
      ['--detector-name', '..'],
    ]) {
      const refused = await WriterProgram.start(['--service', ...args]);
      expect((await refused.ended).code, args.join(' ')).to.equal(2);
    }
  });

  describe('docs/files.md', () => {
    /** The examples of a language, in their order. */
    async function examples(language: string): Promise<string[]> {
      const page = await readFile(new URL('../../../docs/files.md', import.meta.url), 'utf8');
      return [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(
        ([, code]) => code ?? '',
      );
    }

    it('has examples that read a file, and follow one while it grows', async function () {
      const python = requirePython(this);
      const [whole = '', growing = ''] = await examples('python');
      const writer = await service();
      await configured(writer, { n_frames: 6 });
      await sender.sendAll([0, 1]);
      await writer.untilStatus({ n_written_frames: 2 });
      await until('the flush', async () =>
        (await verifyFile(join(folder, 'run.h5'))).framesWritten === 2 ? true : null,
      );
      const reader = spawn(python, ['-u', '-c', growing], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let seen = '';
      reader.stdout.on('data', (chunk: Buffer) => {
        seen += chunk.toString();
      });
      readers.push(reader);
      const closed = once(reader, 'close');
      await until('the first frames', () => (seen === '0 0\n1 1\n' ? true : null));
      await sender.sendAll([2, 3]);
      await until('more frames', () => (seen.endsWith('3 3\n') ? true : null));
      await sender.sendAll([4, 5]);
      expect((await closed)[0]).to.equal(0);
      expect(seen).to.equal('0 0\n1 1\n2 2\n3 3\n4 4\n5 5\n');
      const read = spawnSync(python, ['-c', whole], { cwd: folder, encoding: 'utf8' });
      expect(read.stdout.trim(), read.stderr).to.equal('(6, 4, 6) uint16 True');
    });

    it('tells how to open a file whose writer was killed', async function () {
      if (spawnSync('h5clear', ['--version']).error !== undefined) {
        if (process.env.CI === 'true') throw new Error('h5clear is missing');
        this.skip();
      }
      const [whole = ''] = await examples('python');
      const clear = (await examples('sh')).find((code) => code.startsWith('h5clear')) ?? '';
      const python = requirePython(this);
      const writer = await service();
      await configured(writer, { n_frames: 6 });
      await sender.sendAll([0, 1]);
      await writer.untilStatus({ n_written_frames: 2 });
      await until('the flush', async () =>
        (await verifyFile(join(folder, 'run.h5'))).framesWritten === 2 ? true : null,
      );
      writer.kill('SIGKILL');
      await writer.ended;
      const run = (command: string, ...args: string[]) =>
        spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
      expect(run(python, '-c', whole).status).to.equal(1);
      expect(run('sh', '-c', clear).status).to.equal(0);
      expect(run(python, '-c', whole).stdout.trim()).to.equal('(2, 4, 6) uint16 False');
      expect(await verifyFile(join(folder, 'run.h5'))).to.deep.include({ framesWritten: 2, problems: [] });
    });
  });
});
