import { expect } from 'chai';
import { endOfExposure } from '../../../src/controller/endOfExposure.js';
import { LookSchedule } from '../../../src/controller/lookSchedule.js';

describe('LookSchedule', () => {
  it('keeps the pace while nothing is expected', () => {
    expect(new LookSchedule().nextLookMs(20, 1_000)).to.equal(20);
  });

  it('looks just when a change is expected, and not a poll later', () => {
    const schedule = new LookSchedule();
    schedule.expect([1_007]);
    expect(schedule.nextLookMs(20, 1_000)).to.equal(7);
    expect(schedule.nextLookMs(20, 900)).to.equal(20);
  });

  it('notices a change that is late by at most a quarter of its lateness, and within 8 ms', () => {
    const schedule = new LookSchedule();
    schedule.expect([1_000]);
    for (let nowMs = 1_000; nowMs < 2_000; ) {
      const stepMs = schedule.nextLookMs(20, nowMs);
      expect(stepMs).to.be.within(1, Math.min(8, Math.max(2, (nowMs - 1_000) / 4)));
      nowMs += stepMs;
    }
  });

  it('takes no shorter steps than it may, but looks just when a change is expected all the same', () => {
    const schedule = new LookSchedule(100);
    expect(schedule.nextLookMs(20, 1_000)).to.equal(100);
    schedule.expect([1_030]);
    expect(schedule.nextLookMs(20, 1_000)).to.equal(30);
    expect(schedule.nextLookMs(20, 1_031)).to.equal(100);
  });

  it('goes back to the pace when a change does not come', () => {
    const schedule = new LookSchedule();
    schedule.expect([1_000]);
    expect(schedule.nextLookMs(20, 4_000)).to.equal(20);
  });
});

describe('endOfExposure', () => {
  it('knows the last frame by the end of its exposure and of its period', () => {
    expect(endOfExposure({ frames: 5, period: 0.1, exptime: 0.01 })).to.deep.equal([410, 500]);
    expect(endOfExposure({ frames: 5, period: 0.1 })).to.deep.equal([400, 500]);
  });

  it('takes the exposure for the period when that is shorter', () => {
    expect(endOfExposure({ frames: 3, period: 0, exptime: 0.5 })).to.deep.equal([1_500]);
  });

  it('knows nothing of triggers, of runs without end, or of frames it was not told', () => {
    expect(endOfExposure({ frames: 5, period: 0.1, exptime: 0.01, timing: 'trigger' })).to.deep.equal([]);
    expect(endOfExposure({ frames: 0, period: 0.1 })).to.deep.equal([]);
    expect(endOfExposure({ cycles: 5, exptime: 0.1 })).to.deep.equal([]);
  });
});
