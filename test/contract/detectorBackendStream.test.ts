import { expect } from 'chai';
import { createBackend, createDetector } from '../../src/adapters/registry.js';
import { OdinControl } from '../../src/adapters/transport/odinControl.js';
import type { Backend } from '../../src/contracts/backend.js';
import type { Detector } from '../../src/contracts/detector.js';
import { until, within } from '../support/calls.js';
import { FrameReader } from '../support/frameReader.js';
import { ServiceProcess } from '../support/serviceProcess.js';

describe('frames from the simulated detector through the simulated backend', () => {
  let detectorProcess: ServiceProcess;
  let backendProcess: ServiceProcess;
  let detector: Detector;
  let backend: Backend;
  let reader: FrameReader | null;

  beforeEach(() => startPrograms('64x96'));

  async function startPrograms(shape: string): Promise<void> {
    reader = null;
    detectorProcess = await ServiceProcess.start('simulation/detector', ['--shape', shape]);
    const framesFrom = detectorProcess.endpoint('frames');
    backendProcess = await ServiceProcess.start('simulation/backend', ['--frames-from', framesFrom]);
    detector = createDetector('simulated', 'detector', { endpoint: detectorProcess.endpoint('control') });
    backend = createBackend('psi', 'backend', { url: backendProcess.endpoint('http') });
    await Promise.all([detector.connect(), backend.connect()]);
  }

  afterEach(stopPrograms);

  async function stopPrograms(): Promise<void> {
    reader?.close();
    await Promise.all([detector.disconnect(), backend.disconnect()]);
    await Promise.all([detectorProcess.stop(), backendProcess.stop()]);
  }

  /** Starts a run as the controller does: backend and writer in parallel, the detector last. */
  async function begin(parameters: { frames: number; period: number; dr?: number }): Promise<FrameReader> {
    await detector.configure({ exptime: 0, dr: 16, timing: 'auto', ...parameters }, within());
    await backend.configure({ n_frames: parameters.frames, bit_depth: 16 }, within());
    await backend.open(within());
    reader = new FrameReader(backendProcess.endpoint('frames'));
    await detector.start(within());
    return reader;
  }

  async function end(): Promise<void> {
    await detector.stop(within());
    await backend.close(within());
    await backend.reset(within());
    reader?.close();
    reader = null;
  }

  for (const [dr, read] of [
    [8, (pixels: Buffer) => pixels.readUInt8(0)],
    [16, (pixels: Buffer) => pixels.readUInt16LE(0)],
    [32, (pixels: Buffer) => pixels.readUInt32LE(0)],
  ] as const) {
    it(`all come once and in order, with the number in pixel [0, 0], at ${dr} bit`, async () => {
      const frames = await (await begin({ frames: 300, period: 0.001, dr })).take(300);
      expect(frames.map(({ header }) => header.frame)).to.deep.equal([...frames.keys()]);
      expect(frames.map(({ pixels }) => read(pixels))).to.deep.equal(
        [...frames.keys()].map((number) => number % 2 ** dr),
      );
      expect(frames.every(({ pixels }) => pixels.length === (64 * 96 * dr) / 8)).to.equal(true);
      expect(await backend.metrics(within())).to.include({ received_frames: 300, sent_frames: 300 });
    });
  }

  it('carry the header of array-1.0 and what a PSI backend adds', async () => {
    const [frame] = await (await begin({ frames: 1, period: 0 })).take(1);
    expect(frame?.header).to.include({ htype: 'array-1.0', type: 'uint16', frame: 0, is_good_frame: 1 });
    expect(frame?.header.shape).to.deep.equal([64, 96]);
    expect(frame?.header.pulse_id).to.be.a('number');
    for (const name of ['pulse_ids', 'framenums', 'framenum_diff', 'daq_recs', 'module_number']) {
      expect(frame?.header[name], name).to.be.an('array').with.lengthOf(1);
    }
    expect(frame?.header).not.to.have.property('series');
  });

  it('start at 0 in every run, with nothing left of a run that was stopped in the middle', async () => {
    for (let run = 0; run < 5; run++) {
      const stopped = await begin({ frames: 10_000, period: 0.0005 });
      await stopped.take(20);
      await end();
      const next = await begin({ frames: 30, period: 0.0005 });
      const frames = await next.take(30);
      expect(frames.map(({ header }) => header.frame)).to.deep.equal([...frames.keys()]);
      expect(await next.next(20)).to.equal(null);
      await end();
    }
  });

  it('wait in the backend for a writer that comes late, and are all there', async () => {
    await backend.configure({ n_frames: 100 }, within());
    await backend.open(within());
    await detector.configure({ frames: 100, period: 0.001, exptime: 0 }, within());
    await detector.start(within());
    await until(
      () => backend.metrics(within()),
      ({ buffered_frames: buffered }) => buffered === 100,
    );
    reader = new FrameReader(backendProcess.endpoint('frames'));
    const frames = await reader.take(100);
    expect(frames.map(({ header }) => header.frame)).to.deep.equal([...frames.keys()]);
  });

  it('are forgotten with their run when no writer took them', async () => {
    await backend.configure({}, within());
    await backend.open(within());
    await detector.configure({ frames: 20, period: 0.001, exptime: 0 }, within());
    await detector.start(within());
    await until(
      () => backend.metrics(within()),
      ({ buffered_frames: buffered }) => buffered === 20,
    );
    await end();
    const frames = await (await begin({ frames: 3, period: 0.001 })).take(3);
    expect(frames.map(({ header }) => header.frame)).to.deep.equal([0, 1, 2]);
    expect(await backend.metrics(within())).to.include({ received_frames: 3, sent_frames: 3 });
  });

  it('still on their way when their run was stopped do not get into the next one', async () => {
    await stopPrograms();
    // Large frames, so that those in flight need longer than the backend does to open again.
    await startPrograms('512x1024');
    (await begin({ frames: 1000, period: 0.001, dr: 32 })).close();
    await until(
      () => backend.metrics(within()),
      ({ received_frames: received }) => Number(received) > 0,
    );
    backendProcess.signal('SIGSTOP');
    const before = Number((await detector.metrics(within())).frames_sent);
    await until(
      () => detector.metrics(within()),
      ({ frames_sent: sent }) => Number(sent) > before + 60,
    );
    await detector.stop(within());
    backendProcess.signal('SIGCONT');
    await end();
    const frames = await (await begin({ frames: 10, period: 0.001, dr: 32 })).take(10);
    expect(frames.map(({ header }) => header.frame)).to.deep.equal([...frames.keys()]);
    expect(await reader?.next(20)).to.equal(null);
  });

  it('are dropped and counted by the detector when nobody takes them, without holding it up', async () => {
    await backendProcess.stop();
    await detector.configure({ frames: 50, period: 0.002, exptime: 0 }, within());
    const beganMs = performance.now();
    await detector.start(within());
    const idle = await until(
      () => detector.metrics(within()),
      ({ state }) => state === 'idle',
    );
    expect(performance.now() - beganMs).to.be.within(97, 1000);
    expect(idle).to.include({ frames_sent: 0, frames_dropped: 50, frames_total: 50 });
  });

  it('are discarded by a backend that is not open', async () => {
    await detector.configure({ frames: 20, period: 0.001, exptime: 0 }, within());
    await detector.start(within());
    const metrics = await until(
      () => backend.metrics(within()),
      ({ discarded_frames: discarded }) => discarded === 20,
    );
    expect(metrics).to.include({ received_frames: 0, sent_frames: 0, buffered_frames: 0 });
  });

  it('come frames by trigger, numbered on from trigger to trigger', async () => {
    await detector.configure({ frames: 4, cycles: 3, period: 0.001, timing: 'trigger' }, within());
    await backend.configure({ n_frames: 12 }, within());
    await backend.open(within());
    reader = new FrameReader(backendProcess.endpoint('frames'));
    await detector.start(within());
    // Only what was triggered comes.
    expect(await reader.next(20)).to.equal(null);
    const control = new OdinControl({ component: 'test', endpoint: detectorProcess.endpoint('control') });
    await control.connect();
    for (let cycle = 0; cycle < 3; cycle++) {
      await until(
        () => detector.status(within()),
        (word) => word === 'waiting',
      );
      await control.request('execute', { detector: { command: 'trigger' } }, within());
      const frames = await reader.take(4);
      expect(frames.map(({ header }) => header.frame)).to.deep.equal([0, 1, 2, 3].map((n) => cycle * 4 + n));
    }
    await control.close();
    await until(
      () => detector.status(within()),
      (word) => word === 'idle',
    );
  });
});
