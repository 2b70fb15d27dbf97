import { expect } from 'chai';
import { allowance } from '../../../src/telemetry/allowance.js';

describe('allowance', () => {
  it('says yes so many times a second, and then tells how often it said no', () => {
    const told: number[] = [];
    const may = allowance(3, (refused) => told.push(refused));
    const answers = (nowMs: number, count: number) => Array.from({ length: count }, () => may(nowMs));
    expect(answers(1_000, 5)).to.deep.equal([true, true, true, false, false]);
    expect(answers(1_999, 1)).to.deep.equal([false]);
    expect(told).to.deep.equal([]);
    expect(answers(2_000, 3)).to.deep.equal([true, true, true]);
    expect(told).to.deep.equal([3]);
    expect(answers(9_000, 1)).to.deep.equal([true]);
    expect(told).to.deep.equal([3]);
  });
});
