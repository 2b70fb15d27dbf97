import { expect } from 'chai';
import fc from 'fast-check';
import { Pull, Push } from 'zeromq';
import { type DetectorParameters, POWER_ON_PARAMETERS } from '../../../src/simulation/detectorParameters.js';
import { DetectorRun } from '../../../src/simulation/detectorRun.js';
import { FrameGenerator } from '../../../src/simulation/frameGenerator.js';
import { untilDue } from '../../../src/simulation/pacing.js';

const SHAPE = { rows: 4, columns: 6 };

describe('pacing', () => {
  it('never says due before it is, and lets go when stopped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: -5, max: 12, noNaN: true }), async (aheadMs) => {
        const dueMs = performance.now() + aheadMs;
        expect(await untilDue(dueMs, new AbortController().signal)).to.equal(true);
        expect(performance.now()).to.be.at.least(dueMs);
      }),
      { numRuns: 30 },
    );
    const stopping = new AbortController();
    const waiting = untilDue(performance.now() + 60_000, stopping.signal);
    stopping.abort();
    expect(await waiting).to.equal(false);
  });

  it('lets other work run between frames that are all late', async () => {
    let others = 0;
    const timer = setInterval(() => others++, 1);
    const endMs = performance.now() + 50;
    while (performance.now() < endMs) await untilDue(0, new AbortController().signal);
    clearInterval(timer);
    expect(others).to.be.greaterThan(3);
  });
});

describe('run of the simulated detector', () => {
  let push: Push;
  let pull: Pull;

  beforeEach(async () => {
    push = new Push({ linger: 0, sendHighWaterMark: 1000 });
    await push.bind('tcp://127.0.0.1:*');
    pull = new Pull({ linger: 0 });
    pull.connect(push.lastEndpoint ?? '');
    // A bound PUSH drops frames before its peer is there.
    await push.send('connected');
    await pull.receive();
  });
  afterEach(() => {
    push.close();
    pull.close();
  });

  function run(parameters: Partial<DetectorParameters>): DetectorRun {
    return new DetectorRun({
      parameters: { ...POWER_ON_PARAMETERS, exptime: 0, ...parameters },
      shape: SHAPE,
      generator: new FrameGenerator(SHAPE, 1),
      socket: push,
      series: 1,
    });
  }

  it('sends no frame before it is due, all of them, and drifts with none', async () => {
    const frames = 60;
    const periodMs = 4;
    const arrivalsMs: number[] = [];
    const beganMs = performance.now();
    const exposing = run({ frames, period: periodMs / 1000 }).expose();
    for (let frame = 0; frame < frames; frame++) {
      const [header] = await pull.receive();
      arrivalsMs.push(performance.now() - beganMs);
      expect(JSON.parse(String(header)).frame).to.equal(frame);
    }
    await exposing;
    for (const [frame, arrivalMs] of arrivalsMs.entries()) {
      expect(arrivalMs, `frame ${frame}`).to.be.at.least(frame * periodMs);
    }
    // Being late once must not make the rest late: some of the last frames are on time again.
    const lateness = arrivalsMs
      .slice(-20)
      .map((arrivalMs, index) => arrivalMs - (frames - 20 + index) * periodMs);
    expect(Math.min(...lateness)).to.be.below(periodMs);
  });

  it('is governed by the exposure time when that is longer than the period', async () => {
    const beganMs = performance.now();
    await run({ frames: 4, period: 0.001, exptime: 0.02 }).expose();
    expect(performance.now() - beganMs).to.be.at.least(80);
  });

  it('sends each frame when it has been exposed', async () => {
    const beganMs = performance.now();
    const exposed = run({ frames: 2, period: 0.03, exptime: 0.02 });
    const exposing = exposed.expose();
    for (const dueMs of [20, 50]) {
      expect(exposed.state).to.equal('running');
      await pull.receive();
      expect(performance.now() - beganMs).to.be.at.least(dueMs);
    }
    await exposing;
    expect(exposed.counts.sent).to.equal(2);
  });

  it('counts every frame once, as sent or dropped', async () => {
    pull.close();
    push.close();
    push = new Push({ linger: 0, sendHighWaterMark: 2 });
    await push.bind('tcp://127.0.0.1:*');
    const unheard = run({ frames: 20, period: 0.001 });
    await unheard.expose();
    expect(unheard.counts).to.deep.equal({ sent: 0, dropped: 20, total: 20 });
  });

  it('stops at once, in the middle of a long period', async () => {
    const stopped = run({ frames: 5, period: 60 });
    const exposing = stopped.expose();
    await pull.receive();
    stopped.stop();
    await exposing;
    expect(stopped.counts).to.include({ sent: 1, total: 5 });
  });

  it('waits for each trigger, and knows which came at the wrong time', async () => {
    const triggered = run({ frames: 2, cycles: 2, timing: 'trigger', period: 0.001 });
    expect(triggered.trigger()).to.equal(false);
    const exposing = triggered.expose();
    for (let cycle = 0; cycle < 2; cycle++) {
      while (triggered.state !== 'waiting') await new Promise((resolve) => setImmediate(resolve));
      expect(triggered.trigger()).to.equal(true);
      expect(triggered.trigger()).to.equal(false);
    }
    await exposing;
    expect(triggered.counts).to.deep.equal({ sent: 4, dropped: 0, total: 4 });
  });
});
