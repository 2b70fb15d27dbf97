import { expect } from 'chai';
import fc from 'fast-check';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import type { Decoded, Frame } from '../../../src/writer/decoders/decoder.js';
import { SlsReceiverDecoder } from '../../../src/writer/decoders/slsReceiver.js';
import { type HeaderFields, receiverHeader, recordedStream } from '../../support/slsStreams.js';

const PIXELS = Buffer.from([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);

function message(fields: HeaderFields = {}, pixels = PIXELS): Buffer[] {
  return [receiverHeader(fields), pixels];
}

function frames(decoded: Decoded): Frame[] {
  if (typeof decoded === 'string') return [];
  return 'number' in decoded ? [decoded] : decoded.flatMap((one) => frames(one));
}

describe('SlsReceiverDecoder', () => {
  it('reads a part that is the whole image, shape [columns, rows], and what is said of it', () => {
    const fields = {
      expLength: 9,
      timestamp: 55,
      packetNumber: 12,
      modId: 3,
      addJsonHeader: { sample: 'a', z: '2' },
    };
    const [frame] = frames(new SlsReceiverDecoder(1).decode(message({ ...fields, frameIndex: 7 })));
    expect(frame).to.deep.include({ number: 7, type: 'uint16', rows: 2, columns: 3, isIncomplete: false });
    expect(Buffer.from(frame?.pixels ?? []).equals(PIXELS)).to.equal(true);
    expect(frame?.metadata).to.deep.include({
      exposure_length: 9,
      detector_timestamp: 55,
      complete_image: true,
      missing_parts: 0,
      framenums: [100],
      packets: [12],
      module_number: [3],
      sample: 'a',
      z: '2',
    });
  });

  it('reads headers that end in newlines, blanks or NULs', () => {
    for (const padding of ['', '\n', '\0', '   \n', ' \0\0\0\0', '\n\0']) {
      const head = Buffer.concat([receiverHeader({ frameIndex: 4 }), Buffer.from(padding)]);
      expect(
        frames(new SlsReceiverDecoder(1).decode([head, PIXELS]))[0]?.number,
        JSON.stringify(padding),
      ).to.equal(4);
    }
  });

  it('reads 4, 8, 16 and 32 bit', () => {
    const cases = [
      [4, 'uint8', 3, [1, 2, 3, 4, 5, 6]],
      [8, 'uint8', 6, [0x12, 0x34, 0x56, 0x12, 0x34, 0x56]],
      [16, 'uint16', 12, [0x12, 0x34, 0x56, 0x12, 0x34, 0x56, 0x12, 0x34, 0x56, 0x12, 0x34, 0x56]],
      [32, 'uint32', 24, null],
    ] as const;
    for (const [bitmode, type, sizeBytes, bytes] of cases) {
      const pixels = Buffer.alloc(sizeBytes, Buffer.from([0x12, 0x34, 0x56]));
      const [frame] = frames(new SlsReceiverDecoder(1).decode(message({ bitmode }, pixels)));
      expect(frame?.type).to.equal(type);
      expect([...(frame?.pixels ?? [])]).to.deep.equal(bytes ?? [...pixels]);
    }
  });

  it('turns the rows of an Eiger around where the header says so, and those of no other detector', () => {
    const turned = Buffer.from([4, 0, 5, 0, 6, 0, 1, 0, 2, 0, 3, 0]);
    for (const [fields, expected] of [
      [{ flipRows: 1, detType: 1 }, turned],
      [{ flipRows: 0, detType: 1 }, PIXELS],
      [{ flipRows: 1, detType: 3 }, PIXELS],
    ] as const) {
      const [frame] = frames(new SlsReceiverDecoder(1).decode(message(fields)));
      expect([...(frame?.pixels ?? [])]).to.deep.equal([...expected]);
    }
  });

  it('says that the run has ended when every stream has, with the images that still lack parts first', () => {
    const decoder = new SlsReceiverDecoder(2);
    const end = [receiverHeader({ data: 0, shape: [0, 0], detshape: [0, 0] })];
    const grid = { detshape: [1, 2] };
    expect(decoder.decode(end, 0)).to.equal('nothing');
    expect(decoder.decode(message({ ...grid, row: 0 }), 0)).to.equal('nothing');
    expect(decoder.decode(end, 1), 'of an earlier run, for the first').to.equal('nothing');
    const decoded = decoder.decode(end, 0);
    expect(Array.isArray(decoded) && decoded.at(-1)).to.equal('end');
    expect(frames(decoded)).to.have.length(1);
    expect(frames(decoded)[0]).to.deep.include({ rows: 4, columns: 3, isIncomplete: true });
    expect(frames(decoded)[0]?.metadata).to.deep.include({
      complete_image: false,
      missing_parts: 1,
      framenums: [100, -1],
    });
  });

  it('takes several places from one address that merges the streams', () => {
    const decoder = new SlsReceiverDecoder(1);
    expect(decoder.decode(message({ detshape: [2, 1], column: 1 }))).to.equal('nothing');
    expect(frames(decoder.decode(message({ detshape: [2, 1], column: 0 })))).to.have.length(1);
  });

  it('reads the recorded streams whole', async () => {
    for (const [name, streams, images] of [
      ['Jungfrau', 1, 6],
      ['Eiger', 4, 4],
    ] as const) {
      const decoder = new SlsReceiverDecoder(streams);
      const messages = await recordedStream(name);
      const ports = [...new Set(messages.map(({ port }) => port))];
      const decoded = messages.map(({ port, parts }) => decoder.decode(parts, ports.indexOf(port)));
      const seen = decoded.flatMap(frames);
      expect(seen.map(({ number }) => number)).to.deep.equal(
        Array.from({ length: images }, (_, index) => index),
      );
      expect(new Set(seen.map(({ rows, columns }) => `${rows}x${columns}`))).to.deep.equal(
        new Set(['512x1024']),
      );
      expect(decoded.at(-1)).to.deep.equal(['end']);
    }
  });

  it('names what is wrong, what was expected and what came', () => {
    const wrong: [Buffer[], string][] = [
      [[], 'empty'],
      [[Buffer.from('x')], 'no JSON'],
      [[Buffer.from('[]')], 'no JSON object'],
      [[receiverHeader({})], 'wrong number of parts'],
      [[...message(), PIXELS], 'wrong number of parts'],
      [message({ bitmode: 12 }), 'bit depth'],
      [message({ shape: [3] }), 'usable shape'],
      [message({ shape: [0, 2] }), 'usable shape'],
      [message({ detshape: null }), 'usable detshape'],
      [message({ detshape: [100_000, 100_000] }), 'usable detshape'],
      [message({ shape: [10_000, 10_000], detshape: [60, 60] }), 'too large'],
      [message({ frameIndex: -1 }), 'no image number'],
      [message({ row: 1 }), 'outside the grid'],
      [message({ column: 1 }), 'outside the grid'],
      [message({}, PIXELS.subarray(1)), 'do not fit'],
    ];
    for (const [parts, text] of wrong) {
      expect(() => new SlsReceiverDecoder(1).decode(parts), text).to.throw(ComponentFailedError, text);
    }
    const decoder = new SlsReceiverDecoder(1);
    decoder.decode(message({ detshape: [2, 1] }));
    expect(() => decoder.decode(message({ detshape: [2, 1] }))).to.throw(ComponentFailedError, 'came twice');
    expect(() => decoder.decode(message())).to.throw(ComponentFailedError, 'differs from the first');
  });

  it('raises nothing but its own error, whatever comes', () => {
    const anything = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
        fc.json().map((text) => Buffer.from(text)),
        fc
          .record({
            shape: fc.jsonValue(),
            detshape: fc.jsonValue(),
            row: fc.jsonValue(),
            bitmode: fc.jsonValue(),
          })
          .map((fields) => receiverHeader(fields)),
      ),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 5 }), (messages) => {
        const decoder = new SlsReceiverDecoder(2);
        for (const parts of messages) {
          try {
            decoder.decode(parts, 1);
          } catch (error) {
            expect(error).to.be.instanceOf(ComponentFailedError);
          }
        }
      }),
    );
  });
});
