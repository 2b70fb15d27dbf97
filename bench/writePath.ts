import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WriterProgram } from '../test/support/writerProgram.js';
import type { Bench, BenchContext } from './bench.js';
import { cores, processorMs } from './processorTime.js';
import type { PrepareOrder, SendOrder } from './streamSender.js';

const MIB = 1024 * 1024;
/** More than the frames that a receiver keeps in memory on their way. */
const RECEIVING_MIB = 256;

/** A size of frames, and how many a round takes. */
interface Size {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
}

const SIZES: readonly Size[] = [
  { name: '8 KiB', rows: 64, columns: 64, frames: 40_000 },
  { name: '1 MiB', rows: 512, columns: 1024, frames: 1_000 },
  { name: '4 MiB', rows: 1024, columns: 2048, frames: 250 },
  { name: '18 MiB', rows: 3072, columns: 3072, frames: 56 },
];

/** From the stream to the file, against what the stream and the disk can do by themselves. */
export const writePath: Bench = {
  name: 'writePath',
  about:
    'dia writer on array-1.0, uncompressed, with SWMR, against ZeroMQ alone and a file alone, on this disk',
  async run(context) {
    // The temporary folder may lie in memory; frames do not.
    const folder = await mkdtemp(join(resolve('.'), '.bench-frames-'));
    const sender = await Program.start('streamSender');
    const sink = await Program.start('streamSink');
    try {
      for (const size of SIZES) await measure(context, { size, folder, sender, sink });
      await measurePacked(context, { folder, sender });
      for (const size of SIZES.slice(1, 3)) await measureCompressing(context, { size, folder, sender });
    } finally {
      sender.end();
      sink.end();
      await rm(folder, { recursive: true });
    }
  },
};

interface Parts {
  readonly size: Size;
  readonly folder: string;
  readonly sender: Program;
  readonly sink: Program;
}

async function measure({ report, rounds, say }: BenchContext, parts: Parts): Promise<void> {
  const { size, folder, sender, sink } = parts;
  const { name, rows, columns, frames } = size;
  const mib = (frames * rows * columns * 2) / MIB;
  const samples = {
    stream: [] as number[],
    file: [] as number[],
    writer: [] as number[],
    limit: [] as number[],
  };
  const peaks: number[] = [];
  const processor = {
    stream: [] as number[],
    file: [] as number[],
    writer: [] as number[],
    all: [] as number[],
  };
  const most: number[] = [];
  await sender.prepare({ pixelBytes: rows * columns * 2 });
  for (let round = 0; round < rounds; round += 1) {
    say(`${name}, round ${round + 1} of ${rounds}`);
    useMemory(folder, RECEIVING_MIB);
    const alone = [sender.pid, sink.pid];
    const streamFrom = await processorMs(alone);
    const stream = await seconds(async () => {
      const done = sink.says('done');
      sink.tell({ address: sender.address, frames });
      sender.tell({ ...size, dialect: 'array-1.0' } satisfies SendOrder);
      await done;
    });
    const streamMs = ((await processorMs(alone)) - streamFrom) / mib;
    useMemory(folder, mib);
    const fileFrom = process.cpuUsage();
    const file = await seconds(async () => writeAlone(join(folder, 'alone'), mib));
    const { user, system } = process.cpuUsage(fileFrom);
    const fileMs = (user + system) / 1000 / mib;
    await atRest(folder);
    const writer = await Recording.start(folder, sender.address);
    useMemory(folder, mib + RECEIVING_MIB);
    const [from, senderFrom] = [await processorMs([writer.pid]), await processorMs([sender.pid])];
    const written = await writer.take({ ...size, dialect: 'array-1.0' }, sender);
    const writerMs = ((await processorMs([writer.pid])) - from) / mib;
    processor.stream.push(streamMs);
    processor.file.push(fileMs);
    processor.writer.push(writerMs);
    processor.all.push(writerMs + ((await processorMs([sender.pid])) - senderFrom) / mib);
    most.push((cores() * 1000) / (streamMs + fileMs));
    peaks.push(await writer.peakMiB());
    await writer.end();
    await atRest(folder);
    samples.stream.push(mib / stream);
    samples.file.push(mib / file);
    samples.writer.push(mib / written);
    samples.limit.push(Math.min(mib / stream, mib / file));
  }
  const common = { bench: 'writePath', unit: 'MiB/s' };
  report.add({ ...common, name: `${name}: ZeroMQ alone`, samples: samples.stream });
  report.add({ ...common, name: `${name}: file alone`, samples: samples.file });
  report.add({ ...common, name: `${name}: the slower of both`, samples: samples.limit });
  report.add({
    ...common,
    name: `${name}: dia writer`,
    samples: samples.writer,
    per: `${name}: the slower of both`,
    bar: { atLeast: 0.9 },
    barOf: 'ratio',
  });
  report.add({
    bench: 'writePath',
    name: `${name}: dia writer, frames`,
    unit: '1/s',
    samples: samples.writer.map((rate) => (rate / mib) * frames),
    ...(frames > 10_000 ? { bar: { atLeast: 20_000 } } : {}),
  });
  // Nobody can be faster who receives, and writes, what this sender sends on these cores.
  report.add({
    ...common,
    name: `${name}: all cores busy with these alone`,
    samples: most,
    per: `${name}: the slower of both`,
  });
  const time = { bench: 'writePath', unit: 'ms/MiB' };
  report.add({
    ...time,
    name: `${name}: ZeroMQ alone, processor time of both ends`,
    samples: processor.stream,
  });
  report.add({ ...time, name: `${name}: file alone, processor time`, samples: processor.file });
  report.add({ ...time, name: `${name}: dia writer, processor time`, samples: processor.writer });
  report.add({ ...time, name: `${name}: dia writer and sender, processor time`, samples: processor.all });
  report.add({
    bench: 'writePath',
    name: `${name}: dia writer, memory at most`,
    unit: 'MiB',
    samples: peaks,
  });
}

/** Frames that came compressed are stored as they are: their number a second against that of plain ones. */
async function measurePacked(
  { report, rounds, say }: BenchContext,
  { folder, sender }: Pick<Parts, 'folder' | 'sender'>,
): Promise<void> {
  const size = { rows: 512, columns: 1024, frames: 1_000 };
  const samples: Record<SendOrder['dialect'], number[]> = { 'array-1.0': [], 'simplon-v1': [] };
  await sender.prepare({ pixelBytes: size.rows * size.columns * 2 });
  for (let round = 0; round < rounds; round += 1) {
    say(`bslz4 against plain, round ${round + 1} of ${rounds}`);
    for (const dialect of ['array-1.0', 'simplon-v1'] as const) {
      const writer = await Recording.start(folder, sender.address, '--dialect', dialect);
      useMemory(folder, size.frames + RECEIVING_MIB);
      samples[dialect].push(size.frames / (await writer.take({ ...size, dialect }, sender)));
      await writer.end();
      await atRest(folder);
    }
  }
  const common = { bench: 'writePath', unit: '1/s' };
  report.add({ ...common, name: '1 MiB frames, plain', samples: samples['array-1.0'] });
  report.add({
    ...common,
    name: '1 MiB frames, came as bslz4',
    samples: samples['simplon-v1'],
    per: '1 MiB frames, plain',
    bar: { atLeast: 0.9 },
    barOf: 'ratio',
  });
}

/** Frames that the writer compresses: bytes that come, a second, against those of frames that it stores as they are. */
async function measureCompressing(
  { report, rounds, say }: BenchContext,
  { size, folder, sender }: Omit<Parts, 'sink'>,
): Promise<void> {
  const { name, rows, columns, frames } = size;
  const mib = (frames * rows * columns * 2) / MIB;
  const order = { ...size, dialect: 'array-1.0' } as const;
  await sender.prepare({ pixelBytes: rows * columns * 2, isCounted: true });
  const rates = { none: [] as number[], bslz4: [] as number[] };
  const processor: number[] = [];
  const share: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    say(`${name} of counts, compressed and not, round ${round + 1} of ${rounds}`);
    for (const compression of ['none', 'bslz4'] as const) {
      const writer = await Recording.start(folder, sender.address, '--compression', compression);
      useMemory(folder, mib + RECEIVING_MIB);
      const fromMs = await processorMs([writer.pid]);
      rates[compression].push(mib / (await writer.take(order, sender)));
      if (compression === 'bslz4') {
        processor.push(((await processorMs([writer.pid])) - fromMs) / mib);
        share.push((statSync(join(folder, 'run.h5')).size / MIB / mib) * 100);
      }
      await writer.end();
      await atRest(folder);
    }
  }
  const common = { bench: 'writePath', unit: 'MiB/s' };
  report.add({ ...common, name: `${name} of counts, plain`, samples: rates.none });
  const per = `${name} of counts, plain`;
  report.add({ ...common, name: `${name} of counts, compressed by the writer`, samples: rates.bslz4, per });
  report.add({
    bench: 'writePath',
    name: `${name} of counts, compressed: processor time`,
    unit: 'ms/MiB',
    samples: processor,
  });
  report.add({
    bench: 'writePath',
    name: `${name} of counts, compressed: size`,
    unit: '% of plain',
    samples: share,
  });
}

/** A writer program that takes one acquisition. */
class Recording {
  private constructor(
    readonly writer: WriterProgram,
    readonly folder: string,
  ) {}

  static async start(folder: string, address: string, ...more: string[]): Promise<Recording> {
    const args = ['--service', '--stream', address, ...more];
    return new Recording(await WriterProgram.start(args), folder);
  }

  /** Seconds from the first frame's sending to the closed file. */
  async take(order: SendOrder, sender: Program): Promise<number> {
    const file = join(this.folder, 'run.h5');
    await this.writer.rest('POST', '/configure', { output_file: file, n_frames: order.frames });
    await this.writer.rest('POST', '/start');
    return await seconds(async () => {
      sender.tell(order);
      // As the controller waits; looking again and again takes a tenth of the processors.
      for (;;) {
        const { body } = await this.writer.rest('GET', '/ended');
        if (body.status === 'finished') return;
        if (body.status === 'error') throw new Error(String(body.error));
      }
    });
  }

  async peakMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.writer.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  get pid(): number {
    return this.writer.pid;
  }

  async end(): Promise<void> {
    await this.writer.dispose();
  }
}

/** A program of the bench that is told what to do. */
class Program {
  address = '';

  private constructor(readonly child: ChildProcess) {}

  static async start(name: string): Promise<Program> {
    const program = new Program(fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url))));
    const [first] = (await once(program.child, 'message')) as [{ address?: string }];
    program.address = first.address ?? '';
    return program;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async prepare(order: PrepareOrder): Promise<void> {
    const ready = this.says('ready');
    this.tell(order);
    await ready;
  }

  tell(order: object): void {
    this.child.send(order);
  }

  async says(word: string): Promise<void> {
    for (;;) {
      const [message] = (await once(this.child, 'message')) as [object];
      if (word in message) return;
    }
  }

  end(): void {
    this.child.disconnect();
  }
}

/**
 * A virtual machine gives memory back that it does not use, and then needs several times as long for each page until
 * it has it again. Whoever is measured next finds as much as it needs, for its file and for what it receives.
 */
function useMemory(folder: string, mib: number): void {
  const path = join(folder, 'before');
  writeAlone(path, mib);
  rmSync(path);
}

function writeAlone(path: string, mib: number): void {
  const block = Buffer.alloc(MIB, 7);
  const descriptor = openSync(path, 'w');
  for (let done = 0; done < mib; done += 1) writeSync(descriptor, block);
  closeSync(descriptor);
}

/** What was written before must not be paid for by what comes next. */
async function atRest(folder: string): Promise<void> {
  for (const name of ['alone', 'run.h5']) rmSync(join(folder, name), { force: true });
  await promisify(execFile)('sync');
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / 1000;
}
