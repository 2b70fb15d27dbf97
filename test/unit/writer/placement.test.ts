import { expect } from 'chai';
import fc from 'fast-check';
import { FramePlacement } from '../../../src/writer/placement.js';

/** Judges a frame and takes it when it is new, as the writer does. */
function place(placement: FramePlacement, number: number): string {
  const verdict = placement.judge(number);
  if (verdict === 'new') placement.take(number);
  return verdict;
}

describe('FramePlacement', () => {
  it('counts gaps while running and all that never came at the end', () => {
    const placement = new FramePlacement(10);
    for (const number of [0, 1, 5]) expect(place(placement, number)).to.equal('new');
    expect(placement.gaps).to.equal(3);
    expect(placement.missing).to.equal(7);
    expect(placement.isComplete).to.equal(false);
  });

  it('knows frames that came already and frames nobody asked for', () => {
    const placement = new FramePlacement(3);
    expect(place(placement, 2)).to.equal('new');
    expect(place(placement, 2)).to.equal('duplicate');
    expect(place(placement, 3)).to.equal('outside');
    expect(placement.highest).to.equal(2);
  });

  it('is never complete without an end, and takes no absurd jumps there', () => {
    const placement = new FramePlacement(0);
    expect(place(placement, 0)).to.equal('new');
    expect(place(placement, 900_000)).to.equal('new');
    expect(place(placement, 4_000_000_000)).to.equal('outside');
    expect(placement.isComplete).to.equal(false);
    expect(placement.missing).to.equal(899_999);
  });

  it('agrees with a set, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(260)), (expected, numbers) => {
        const placement = new FramePlacement(expected);
        const seen = new Set<number>();
        for (const number of numbers) {
          const wanted = number >= expected ? 'outside' : seen.has(number) ? 'duplicate' : 'new';
          expect(place(placement, number)).to.equal(wanted);
          if (wanted === 'new') seen.add(number);
        }
        expect(placement.written).to.equal(seen.size);
        expect(placement.highest).to.equal(Math.max(-1, ...seen));
        expect(placement.missing).to.equal(expected - seen.size);
        expect(placement.isComplete).to.equal(seen.size === expected);
      }),
    );
  });
});
