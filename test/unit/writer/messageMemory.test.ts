import { setImmediate as afterIo } from 'node:timers/promises';
import { expect } from 'chai';
import { Pull, Push } from 'zeromq';
import { giveBack, MessageMemory } from '../../../src/writer/streams/messageMemory.js';

const MIB = 1024 * 1024;

describe('MessageMemory', () => {
  it('is given back by the last one who lets go', () => {
    const part = Buffer.alloc(5000);
    const memory = new MessageMemory({ parts: [part], source: 0 });
    memory.hold();
    memory.letGo();
    expect(part.byteLength).to.equal(5000);
    memory.letGo();
    expect(part.byteLength).to.equal(0);
  });

  it('leaves memory alone of which a part is only a part', () => {
    const whole = Buffer.alloc(10_000);
    giveBack([whole.subarray(0, 5000)]);
    expect(whole.byteLength).to.equal(10_000);
  });

  it('is free again without a garbage collection', async () => {
    const push = new Push({ linger: 0 });
    const pull = new Pull();
    try {
      await push.bind('inproc://message-memory');
      pull.connect('inproc://message-memory');
      const external = () => process.memoryUsage().external;
      const before = external();
      for (let message = 0; message < 8; message += 1) {
        await push.send(Buffer.alloc(MIB));
        giveBack(await pull.receive());
        await afterIo();
        await afterIo();
      }
      // What was sent was ours, and is collected some time; what was received was as much again, twice.
      expect(external() - before).to.be.below(12 * MIB);
    } finally {
      push.close();
      pull.close();
    }
  });
});
