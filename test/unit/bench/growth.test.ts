import { expect } from 'chai';
import { growths, growthTable, type Sample } from '../../../bench/support/growth.js';

const LIMITS = [{ suffix: ' handles', slope: 0.5, noise: 2 }];

/** 61 samples, one every 100 acquisitions. */
const sampled = (handlesAfter: (acquisitions: number) => number): Sample[] =>
  Array.from({ length: 61 }, (_, index) => ({
    acquisitions: index * 100,
    values: { 'writer handles': handlesAfter(index * 100) },
  }));

describe('growths', () => {
  const [first] = growths(
    sampled((count) => 20 + count / 1000),
    LIMITS,
  );

  it('finds what grows steadily, with its slope per 1000 acquisitions', () => {
    expect(first).to.include({ name: 'writer handles', first: 20, last: 26, highest: 26, grows: true });
    expect(first?.slope).to.be.closeTo(1, 1e-9);
  });

  it('takes no notice of what is loaded in the beginning', () => {
    const rows = growths(
      sampled((count) => (count < 1500 ? count / 100 : 15)),
      LIMITS,
    );
    expect(rows[0]).to.include({ grows: false, last: 15 });
  });

  it('takes a rise within the noise for none, however steep a short run makes it', () => {
    const short = sampled((count) => 20 + count / 1000).slice(0, 5);
    expect(growths(short, LIMITS)[0]?.grows).to.equal(false);
  });

  it('takes a rise that comes once and stays for none', () => {
    const rows = growths(
      sampled((count) => (count < 3500 ? 20 : 60)),
      LIMITS,
    );
    expect(rows[0]?.slope).to.be.greaterThan(5);
    expect(rows[0]?.grows).to.equal(false);
  });

  it('judges nothing that has no limit', () => {
    expect(
      growths(
        sampled((count) => count),
        [],
      )[0]?.grows,
    ).to.equal(false);
  });

  it('says in its table what grows', () => {
    expect(growthTable(first === undefined ? [] : [first])).to.match(/writer handles +20\.00 .* GROWS$/m);
  });
});
