import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Publisher, XPublisher } from 'zeromq';
import { verifyFile } from '../../src/files/verifyFile.js';
import {
  headerOf,
  type ReceiverMessage,
  ReceiverSockets,
  receiverHeader,
  recordedStream,
} from '../support/slsStreams.js';
import { perFrame, readDataset } from '../support/writerFile.js';
import { upTo } from '../support/writerFrames.js';
import { WriterProgram } from '../support/writerProgram.js';

const EIGER_PORTS = [30011, 30012, 30013, 30014];
const DATA = 'entry/instrument/detector/data';

/** The recorded parts with pixels of their own: the recording has the same ones in every part. */
function marked(messages: readonly ReceiverMessage[]): ReceiverMessage[] {
  return messages.map(({ port, parts }) => {
    const [head, recorded] = parts;
    if (head === undefined || recorded === undefined) return { port, parts };
    const { frameIndex } = headerOf({ parts });
    const pixels = new Uint16Array(recorded.byteLength / 2);
    for (let at = 0; at < pixels.length; at += 1) {
      pixels[at] = (at * 7 + port * 4099 + Number(frameIndex) * 131) % 65_536;
    }
    return { port, parts: [head, Buffer.from(pixels.buffer)] };
  });
}

/** Each frame pixel by pixel: looks up in which part a pixel lies, and where there. */
function assemble(messages: readonly ReceiverMessage[], frames: number): Uint16Array {
  const image = new Uint16Array(frames * 512 * 1024).fill(65_535);
  for (const { parts } of messages) {
    const [, pixels] = parts;
    if (pixels === undefined) continue;
    const { row, column, frameIndex } = headerOf({ parts }) as Record<string, number>;
    for (let y = 0; y < 256; y += 1) {
      for (let x = 0; x < 512; x += 1) {
        const at = (Number(frameIndex) * 512 + Number(row) * 256 + y) * 1024 + Number(column) * 512 + x;
        image[at] = pixels.readUInt16LE((y * 512 + x) * 2);
      }
    }
  }
  return image;
}

describe('dia writer on the streams of SLS receivers', function () {
  this.timeout(20_000);
  let folder: string;
  let receivers: ReceiverSockets;
  let writers: WriterProgram[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-writer-'));
    writers = [];
  });

  afterEach(async () => {
    await Promise.all(writers.map((writer) => writer.dispose()));
    receivers?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(args: string[], frames: number): Promise<WriterProgram> {
    const file = join(folder, 'run.h5');
    const writer = await WriterProgram.start([...args, receivers.addresses, file, String(frames), '0', '-1']);
    writers.push(writer);
    return writer;
  }

  async function service(args: string[] = []): Promise<WriterProgram> {
    const writer = await WriterProgram.start(['--service', '--dialect', 'sls', ...args]);
    writers.push(writer);
    return writer;
  }

  it('writes every frame of the recorded Jungfrau, and ends by itself', async () => {
    const recorded = await recordedStream('Jungfrau');
    receivers = await ReceiverSockets.open([30001]);
    const writer = await start(['--dialect', 'sls'], 6);
    await receivers.sendAll(recorded);
    expect(await writer.ended).to.deep.equal({ code: 0, signal: null });
    expect(await verifyFile(writer.file)).to.deep.include({
      complete: true,
      frames: 6,
      framesWritten: 6,
      framesLost: 0,
      framesIncomplete: 0,
      shape: [512, 1024],
      dtype: 'uint16',
      problems: [],
    });
    const sent = recorded.flatMap(({ parts }) => (parts[1] === undefined ? [] : [parts[1]]));
    const written = (await readDataset(writer.file, DATA)) as Uint16Array;
    expect(
      Buffer.concat(sent).equals(Buffer.from(written.buffer, written.byteOffset, written.byteLength)),
    ).to.equal(true);
    expect(await perFrame(writer.file, 'framenums')).to.deep.equal([126, 127, 128, 129, 130, 131]);
    expect(await perFrame(writer.file, 'packets')).to.deep.equal(Array(6).fill(128));
    expect(await perFrame(writer.file, 'complete_image')).to.deep.equal(Array(6).fill(1));
  });

  for (const kind of ['as recorded', 'with pixels that tell them apart'] as const) {
    it(`assembles the four parts of the recorded Eiger by row and column, ${kind}`, async () => {
      const recorded = await recordedStream('Eiger');
      const messages = kind === 'as recorded' ? recorded : marked(recorded);
      receivers = await ReceiverSockets.open(EIGER_PORTS);
      const writer = await start(['--dialect', 'sls'], 4);
      await receivers.sendAll(messages);
      expect((await writer.ended).code).to.equal(0);
      expect(await verifyFile(writer.file)).to.deep.include({
        complete: true,
        framesWritten: 4,
        shape: [512, 1024],
        problems: [],
      });
      const written = (await readDataset(writer.file, DATA)) as Uint16Array;
      expect(written).to.deep.equal(assemble(messages, 4));
      expect((await perFrame(writer.file, 'module_number')).slice(0, 4)).to.deep.equal([31, 32, 32, 31]);
    });
  }

  it('ends the acquisition at the end of the run, when all receivers have ended it', async () => {
    const messages = await recordedStream('Eiger');
    receivers = await ReceiverSockets.open(EIGER_PORTS);
    const writer = await service();
    const output = { output_file: join(folder, 'run.h5'), n_frames: 10, stream: receivers.addresses };
    await writer.rest('POST', '/configure', output);
    await writer.rest('POST', '/start');
    // What is left of an earlier run ends nothing.
    await receivers.sendAll(messages.filter(({ parts }) => parts.length === 1).slice(0, 3));
    await receivers.sendAll(messages.slice(0, -1));
    await writer.untilStatus({ n_written_frames: 4, status: 'writing' });
    await receivers.sendAll(messages.slice(-1));
    const status = await writer.untilStatus({ status: 'stopped' });
    expect(status).to.include({ n_lost_frames: 6, n_bad_messages: 0 });
    expect(await verifyFile(String(status.file))).to.include({ complete: false, framesWritten: 4 });
  });

  it('writes a frame whose part is lost, marked, with all bits set where the part belongs', async () => {
    const isLost = ({ port, parts }: ReceiverMessage) =>
      port === 30012 && headerOf({ parts }).frameIndex === 2;
    const messages = marked(await recordedStream('Eiger')).filter((message) => !isLost(message));
    receivers = await ReceiverSockets.open(EIGER_PORTS);
    const writer = await start(['--dialect', 'sls'], 4);
    await receivers.sendAll(messages);
    expect((await writer.ended).code).to.equal(0);
    expect(await verifyFile(writer.file)).to.deep.include({
      complete: true,
      framesWritten: 4,
      framesLost: 0,
      framesIncomplete: 1,
      problems: [],
    });
    expect(await perFrame(writer.file, 'missing_parts')).to.deep.equal([0, 0, 1, 0]);
    expect(await perFrame(writer.file, 'complete_image')).to.deep.equal([1, 1, 0, 1]);
    expect(await readDataset(writer.file, DATA)).to.deep.equal(assemble(messages, 4));
  });

  it('gives up a lost part after a pause, when no end of the run is told', async () => {
    const messages = marked(await recordedStream('Eiger'))
      .filter(({ parts }) => parts.length === 2)
      .slice(0, -1);
    receivers = await ReceiverSockets.open(EIGER_PORTS);
    const writer = await service(
      EIGER_PORTS.flatMap((_, index) => ['--stream', receivers.addresses.split(',')[index] ?? '']),
    );
    await writer.rest('POST', '/configure', { output_file: join(folder, 'run.h5'), n_frames: 4 });
    await writer.rest('POST', '/start');
    await receivers.sendAll(messages);
    await writer.untilStatus({ n_written_frames: 3, n_incomplete_frames: 0 });
    const status = await writer.untilStatus({ status: 'finished' });
    expect(status).to.include({ n_written_frames: 4, n_incomplete_frames: 1, n_lost_frames: 0 });
  });

  it('keeps what a stop finds incomplete', async () => {
    const messages = marked(await recordedStream('Eiger')).slice(0, 3);
    receivers = await ReceiverSockets.open(EIGER_PORTS);
    const writer = await service(['--stream', receivers.addresses]);
    await writer.rest('POST', '/configure', { output_file: join(folder, 'run.h5'), n_frames: 4 });
    await writer.rest('POST', '/start');
    await receivers.sendAll(messages);
    // A message that cannot be used is counted, and tells that those before it have come.
    await receivers.send({ port: 30014, parts: [Buffer.from('no header'), Buffer.alloc(1)] });
    await receivers.send({ port: 30012, parts: [Buffer.from('no header'), Buffer.alloc(1)] });
    await receivers.send({ port: 30011, parts: [Buffer.from('no header'), Buffer.alloc(1)] });
    await receivers.send({ port: 30013, parts: [Buffer.from('no header'), Buffer.alloc(1)] });
    await writer.untilStatus({ n_bad_messages: 4, n_written_frames: 0 });
    const { body } = await writer.rest('POST', '/stop');
    expect(body).to.include({ status: 'stopped', n_written_frames: 1, n_incomplete_frames: 1 });
  });

  it('marks frames for which the receiver has lost packets', async () => {
    receivers = await ReceiverSockets.open([1]);
    const writer = await start(['--dialect', 'sls'], 2);
    for (const frameIndex of upTo(2)) {
      const head = receiverHeader({ frameIndex, completeImage: frameIndex });
      await receivers.send({ port: 1, parts: [head, Buffer.alloc(12, frameIndex)] });
    }
    await writer.ended;
    expect(await perFrame(writer.file, 'complete_image')).to.deep.equal([0, 1]);
    expect(await verifyFile(writer.file)).to.include({ complete: true, framesIncomplete: 1 });
  });

  it('answers a start only when its subscription has left for every receiver', async () => {
    const [early, late] = [
      new XPublisher({ linger: 0 }),
      new XPublisher({ linger: 0, receiveTimeout: 1000 }),
    ];
    try {
      await early.bind('tcp://127.0.0.1:*');
      const reserved = new Publisher();
      await reserved.bind('tcp://127.0.0.1:*');
      const lateAddress = reserved.lastEndpoint ?? '';
      reserved.close();
      const writer = await service(['--stream', `${early.lastEndpoint}, ${lateAddress}`]);
      await writer.rest('POST', '/configure', { output_file: join(folder, 'run.h5'), n_frames: 1 });
      let answered = false;
      const started = writer.rest('POST', '/start').then((answer) => {
        answered = true;
        return answer;
      });
      await early.receive();
      expect((await writer.rest('GET', '/status')).body).to.include({ status: 'configured' });
      expect(answered).to.equal(false);
      await late.bind(lateAddress);
      expect((await started).body).to.include({ status: 'receiving' });
      expect(String(await late.receive())).to.equal('\u0001');
    } finally {
      early.close();
      late.close();
    }
  });

  it('says which receiver cannot be reached, in time, and makes no file', async () => {
    receivers = await ReceiverSockets.open([1]);
    const writer = await service(['--stream', `${receivers.addresses},tcp://127.0.0.1:1`]);
    await writer.rest('POST', '/configure', { output_file: join(folder, 'run.h5'), n_frames: 1 });
    const { code, body } = await writer.rest('POST', '/start');
    expect(code).to.equal(500);
    expect(body.message).to.contain('tcp://127.0.0.1:1:');
    expect(body).to.include({ code: 'component_unreachable' });
    expect((await writer.rest('GET', '/status')).body).to.include({ status: 'error' });
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('gives up connecting when it is stopped', async () => {
    receivers = await ReceiverSockets.open([]);
    const writer = await service(['--stream', 'tcp://127.0.0.1:1']);
    await writer.rest('POST', '/configure', { output_file: join(folder, 'run.h5'), n_frames: 1 });
    const started = writer.rest('POST', '/start');
    const begin = performance.now();
    while (performance.now() - begin < 100) await writer.rest('GET', '/status');
    await writer.rest('POST', '/stop');
    expect((await started).body).to.include({ code: 'preempted' });
    expect(performance.now() - begin).to.be.below(2000);
  });

  it('leaves no sockets behind over many runs', async () => {
    const recorded = await recordedStream('Jungfrau');
    receivers = await ReceiverSockets.open([30001]);
    const writer = await service(['--stream', receivers.addresses]);
    const handles: number[] = [];
    for (const run of upTo(8)) {
      await writer.rest('POST', '/configure', { output_file: join(folder, `run${run}.h5`), n_frames: 6 });
      await writer.rest('POST', '/start');
      await receivers.sendAll(recorded);
      await writer.untilStatus({ status: 'finished' });
      handles.push(await writer.openHandles());
    }
    expect(handles.at(-1)).to.be.at.most(handles[1] ?? 0);
  });
});
