import { expect } from 'chai';
import fc from 'fast-check';
import {
  formatBytes,
  formatDuration,
  type ProgressView,
  progressLine,
  progressStep,
  progressText,
  remainingS,
  shareDone,
} from '../../../src/commands/progressLine.js';

const view = (changes: Partial<ProgressView> = {}): ProgressView => ({
  writtenFrames: 34,
  expectedFrames: 100,
  lostFrames: 0,
  rateHz: 50,
  ...changes,
});

/** Counts as they come over a network: right ones, huge ones, and nonsense. */
const anyNumber = fc.oneof(
  fc.nat(),
  fc.double(),
  fc.constantFrom(-1, Number.NaN, Infinity, -Infinity, 1e308),
);
const anyView: fc.Arbitrary<ProgressView> = fc.record({
  writtenFrames: anyNumber,
  expectedFrames: anyNumber,
  lostFrames: anyNumber,
  rateHz: anyNumber,
});

describe('the progress line', () => {
  it('tells frames, share, rate and remaining time', () => {
    expect(progressText(view())).to.equal('34/100 frames, 34 %, 50.0 frames/s, 1.3 s left');
  });

  it('leaves the total, the share and the remaining time out of an acquisition without an end', () => {
    expect(progressText(view({ expectedFrames: 0 }))).to.equal('34 frames, 50.0 frames/s');
  });

  it('says no remaining time before there is a rate, nor when all frames are there', () => {
    expect(progressText(view({ rateHz: 0 }))).to.equal('34/100 frames, 34 %, 0.0 frames/s');
    expect(progressText(view({ writtenFrames: 100 }))).to.equal('100/100 frames, 100 %, 50.0 frames/s');
  });

  it('names lost frames', () => {
    expect(progressText(view({ lostFrames: 2 }))).to.match(/, 2 lost$/);
  });

  it('says 100 % only when all frames are there, and never rounds a share down twice', () => {
    expect(progressText(view({ writtenFrames: 99_999, expectedFrames: 100_000 }))).to.contain(' 99 %');
    for (let written = 0; written <= 100; written += 1) {
      expect(progressText(view({ writtenFrames: written }))).to.contain(` ${written} %`);
    }
  });

  it('draws a bar behind the state', () => {
    const line = progressLine(view({ writtenFrames: 50 }), { columns: 100, state: 'RUNNING' });
    expect(line).to.equal(
      `RUNNING [${'#'.repeat(12)}${'-'.repeat(12)}] 50/100 frames, 50 %, 50.0 frames/s, 1.0 s left`,
    );
  });

  it('gives the bar up where the terminal is narrow', () => {
    expect(progressLine(view(), { columns: 29, state: 'RUNNING' })).to.equal('RUNNING 34/100 frames, 34 %,');
  });

  it('is never wider than the terminal and never shows nonsense', () => {
    fc.assert(
      fc.property(anyView, fc.oneof(fc.integer({ min: 1, max: 300 }), anyNumber), (counts, columns) => {
        const line = progressLine(counts, { columns, state: 'RUNNING' });
        expect(line).not.to.match(/NaN|Infinity|undefined|(^|\s)-\d/);
        if (columns >= 1) expect(line.length).to.be.below(Math.max(columns, 1));
      }),
    );
  });

  it('has a share from 0 to 1 and a remaining time that is not negative, whatever the counts', () => {
    fc.assert(
      fc.property(anyView, (counts) => {
        const share = shareDone(counts);
        const remaining = remainingS(counts);
        if (share !== null) expect(share).to.be.within(0, 1);
        if (remaining !== null) expect(remaining).to.be.within(0, Number.MAX_VALUE);
        expect(progressText(counts)).not.to.match(/NaN|Infinity|-\d/);
        expect(progressStep(counts)).to.be.within(0, 64);
      }),
    );
  });

  it('has less time left the more frames are there', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 10_000 }), (a, b, rateHz) => {
        const [fewer, more] = [Math.min(a, b), Math.max(a, b)];
        const left = (writtenFrames: number) =>
          remainingS(view({ writtenFrames, expectedFrames: 1000, rateHz })) ?? -1;
        expect(left(more)).to.be.at.most(left(fewer));
        expect(left(fewer) * rateHz).to.be.closeTo(1000 - fewer, 1e-6);
      }),
    );
  });

  it('steps ten times from the first frame to the last', () => {
    const steps = new Set<number>();
    for (let written = 0; written <= 1000; written += 1) {
      steps.add(progressStep(view({ writtenFrames: written, expectedFrames: 1000 })));
    }
    expect([...steps]).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('writes durations as people say them', () => {
    const texts = [0, 1.26, 9.94, 9.96, 59.4, 59.6, 200, 3599.6, 7500, 86_400].map(formatDuration);
    expect(texts).to.deep.equal([
      '0.0 s',
      '1.3 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1 min 0 s',
      '3 min 20 s',
      '1 h 00 min',
      '2 h 05 min',
      '24 h 00 min',
    ]);
  });

  it('writes sizes in decimal units', () => {
    const texts = [0, 999, 1000, 104_986_670, 999_999_999, 5e12, 7e15].map(formatBytes);
    expect(texts).to.deep.equal(['0 B', '999 B', '1.0 kB', '105.0 MB', '1.0 GB', '5.0 TB', '7000.0 TB']);
  });
});
