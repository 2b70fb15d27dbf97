import { expect } from 'chai';
import fc from 'fast-check';
import { FileSpace } from '../../../../src/writer/hdf5/fileSpace.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('FileSpace', () => {
  it('lays frames that fill whole pages side by side, however the file began', () => {
    const space = new FileSpace(5000);
    const first = space.frame(MIB);
    expect(first.address % (64 * KIB)).to.equal(0);
    expect(space.frame(MIB)).to.deep.equal({ address: first.address + MIB, freshBytes: 0 });
  });

  it('puts the index into the room that was left before a frame, as long as it fits', () => {
    const space = new FileSpace(5000);
    const first = space.frame(MIB);
    const index = [space.reserve(100), space.reserve(200)];
    expect(index).to.deep.equal([5000, 5100]);
    expect(space.frame(MIB)).to.deep.equal({ address: first.address + MIB, freshBytes: 0 });
    expect(space.reserve(MIB)).to.equal(first.address + 2 * MIB);
  });

  it('leaves nothing between small frames, and little between others', () => {
    for (const sizeBytes of [1, 100, 5000, 100_001, 1_000_001, 37_000_001]) {
      const space = new FileSpace(0);
      for (let frame = 0; frame < 100; frame += 1) space.frame(sizeBytes);
      expect(space.frame(sizeBytes).address / (100 * sizeBytes)).to.be.within(1, 1 + 1 / 64);
    }
  });

  it('gives no byte away twice, and sends every byte to the disk with a frame', () => {
    const wish = fc.record({ isFrame: fc.boolean(), sizeBytes: fc.integer({ min: 1, max: 300_000 }) });
    fc.assert(
      fc.property(fc.nat(100_000), fc.array(wish, { maxLength: 50 }), (start, wishes) => {
        const space = new FileSpace(start);
        const given: { from: number; to: number }[] = [];
        let onDisk = start;
        for (const { isFrame, sizeBytes } of wishes) {
          let from: number;
          if (isFrame) {
            const room = space.frame(sizeBytes);
            from = room.address;
            expect(from - room.freshBytes).to.equal(onDisk);
            onDisk = from + sizeBytes;
          } else {
            from = space.reserve(sizeBytes);
          }
          given.push({ from, to: from + sizeBytes });
        }
        given.sort((one, other) => one.from - other.from);
        let end = start;
        for (const { from, to } of given) {
          expect(from).to.be.at.least(end);
          end = to;
        }
      }),
    );
  });
});
