import { expect } from 'chai';
import { Push } from 'zeromq';
import { PullStream } from '../../../src/writer/streams/pullStream.js';

const MIB = 1024 * 1024;
const FRAME_BYTES = 18 * MIB;
const FRAMES = 40;
/** A sender that gets rid of nothing for so long is held back. On a slow machine that can only be sooner. */
const HELD_BACK_AFTER_MS = 500;

describe('PullStream', function () {
  this.timeout(20_000);
  let push: Push;
  let stream: PullStream;

  beforeEach(async () => {
    push = new Push({ sendHighWaterMark: 1, sendTimeout: HELD_BACK_AFTER_MS, linger: 0 });
    await push.bind('tcp://127.0.0.1:*');
    stream = new PullStream({ addresses: [String(push.lastEndpoint)], highWaterMark: 100 });
  });
  afterEach(() => {
    stream.close();
    push.close();
  });

  /** Sends until it is held back, or has sent so many; how many it has sent. */
  async function send(pixels: Buffer, from: number, most: number): Promise<number> {
    for (let frame = from; frame < most; frame += 1) {
      try {
        await push.send([String(frame), pixels]);
      } catch {
        return frame;
      }
    }
    return most;
  }

  async function receive(): Promise<number> {
    const message = await stream.receive();
    return Number(message?.parts[0]);
  }

  it('holds the sender of large messages back after a bounded number of bytes, and loses none', async () => {
    const pixels = Buffer.alloc(FRAME_BYTES);
    const first = receive();
    await send(pixels, 0, 1);
    expect(await first).to.equal(0);
    const sent = await send(pixels, 1, FRAMES);
    // 64 MiB, one that is just coming, one that the sender keeps, one under way between them.
    expect((sent - 1) * FRAME_BYTES).to.be.at.most(64 * MIB + 3 * FRAME_BYTES);
    const rest = (async () => {
      for (let next = sent; next < FRAMES; ) next = await send(pixels, next, FRAMES);
    })();
    const numbers: number[] = [];
    for (let frame = 1; frame < FRAMES; frame += 1) numbers.push(await receive());
    await rest;
    expect(numbers).to.deep.equal(Array.from({ length: FRAMES - 1 }, (_, index) => index + 1));
  });

  it('receives small messages after large ones', async () => {
    const received = (async () => {
      for (let frame = 0; frame < 500; frame += 1) expect(await receive()).to.equal(frame);
    })();
    const large = await send(Buffer.alloc(FRAME_BYTES), 0, 5);
    expect(await send(Buffer.alloc(100), large, 500)).to.equal(500);
    await received;
  });
});
