import { expect } from 'chai';
import fc from 'fast-check';
import { EventLog } from '../../../src/controller/eventLog.js';

describe('EventLog', () => {
  it('answers exactly the events after an id, as long as it remembers them', () => {
    fc.assert(
      fc.property(fc.nat(2_500), fc.nat(3_000), (count, id) => {
        const log = new EventLog();
        for (let index = 1; index <= count; index++) log.add('state', { index });
        const since = log.since(id);
        const forgotten = Math.max(0, count - 1_000);
        if (id > count || id < forgotten) expect(since).to.equal(null);
        else expect(since?.map((event) => event.id)).to.deep.equal(range(id + 1, count));
      }),
      { numRuns: 60 },
    );
  });

  it('tells subscribers until they leave', () => {
    const log = new EventLog();
    const heard: number[] = [];
    const leave = log.subscribe(({ id }) => heard.push(id));
    log.add('state', {});
    log.add('progress', {});
    leave();
    log.add('state', {});
    expect(heard).to.deep.equal([1, 2]);
    expect(log.lastId).to.equal(3);
  });

  it('has another epoch in every life', () => {
    expect(new EventLog().epoch).not.to.equal(new EventLog().epoch);
  });
});

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
