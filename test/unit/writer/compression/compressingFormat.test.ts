import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { CompressingFormat } from '../../../../src/writer/compression/compressingFormat.js';
import { Compressor } from '../../../../src/writer/compression/compressor.js';
import { decompress } from '../../../../src/writer/decoders/compression.js';
import { CHUNK_FILTER, type Frame } from '../../../../src/writer/decoders/decoder.js';
import type {
  AcquisitionDescription,
  Arrival,
  Completion,
  FrameFile,
} from '../../../../src/writer/formats/format.js';
import { thrownBy } from '../../../support/calls.js';
import { upTo } from '../../../support/writerFrames.js';

const BYTES = 64 * 1024;
const COMPLETION: Completion = { complete: true, framesTaken: 0, framesMissing: 0, framesIncomplete: 0 };

/** Keeps what it is given. */
class FakeFile implements FrameFile {
  readonly frames: Frame[] = [];
  readonly calls: string[] = [];
  writeFailure: Error | null = null;

  get framesWritten(): number {
    return this.frames.length;
  }
  readonly bytesWritten = 7;

  write(frame: Frame, arrival: Arrival): void {
    if (this.writeFailure !== null) throw this.writeFailure;
    const pixels = Uint8Array.from(frame.pixels);
    this.frames.push({ ...frame, pixels });
    arrival.written();
  }
  room(): undefined {}
  async flush(): Promise<void> {
    this.calls.push('flush');
  }
  setParameter(name: string): void {
    this.calls.push(name);
  }
  async close(): Promise<void> {
    this.calls.push('close');
  }
  async abandon(): Promise<void> {
    this.calls.push('abandon');
  }
}

describe('a file whose frames are compressed before they are written', () => {
  const compressor = new Compressor({ threads: 2 });
  let inner: FakeFile;
  let file: FrameFile;

  beforeEach(open);

  function open(): void {
    inner = new FakeFile();
    const into = inner;
    file = new CompressingFormat({ create: () => into }, () => compressor).create(
      '/data/run.h5',
      {} as AcquisitionDescription,
    );
  }

  function frame(number: number, more: Partial<Frame> = {}): Frame {
    const pixels = Buffer.alloc(BYTES, number + 1);
    return { number, type: 'uint32', rows: 128, columns: 128, pixels, metadata: { number }, ...more };
  }

  function write(one: Frame): boolean {
    let isFree = false;
    const written = () => {
      isFree = true;
    };
    file.write(one, { receivedAtS: one.number, written });
    return isFree;
  }

  it('gets them in the order in which they came, as filter 32008 has them', async () => {
    const numbers = [...upTo(200).map((number) => (number * 77) % 200)];
    for (const number of numbers) {
      write(frame(number));
      await file.room();
    }
    await file.flush();
    expect(inner.frames.map(({ number }) => number)).to.deep.equal(numbers);
    for (const { number, filter, metadata, isBorrowed, pixels } of inner.frames) {
      expect(filter).to.deep.equal({ id: CHUNK_FILTER.bslz4, options: [0, 4, 4, 0, 2] });
      expect([metadata, isBorrowed]).to.deep.equal([{ number }, false]);
      const plain = new Uint8Array(BYTES);
      decompress({ algorithm: 'bslz4', elementBytes: 4 }, pixels, plain);
      expect(plain.every((byte) => byte === number + 1)).to.equal(true);
    }
    expect(inner.calls).to.deep.equal(['flush']);
  });

  it('needs the memory of a frame no longer than the call, when there is room', () => {
    expect(write(frame(0))).to.equal(true);
  });

  it('hands on at once what is compressed already, and what is too small for the filter', () => {
    const filter = { id: CHUNK_FILTER.lz4, options: [] } as const;
    const packed = frame(0, { filter });
    write(packed);
    const small = frame(1, { rows: 1, columns: 1, pixels: Buffer.alloc(4) });
    write(small);
    expect(inner.frames.map(({ number }) => number)).to.deep.equal([0, 1]);
    expect(inner.frames.map((one) => one.filter)).to.deep.equal([filter, undefined]);
  });

  it('is flushed and closed only when all frames are in it', async () => {
    for (const number of upTo(20)) write(frame(number));
    const closed = file.close(COMPLETION);
    expect(inner.calls).to.deep.equal([]);
    await closed;
    expect([inner.frames.length, inner.calls]).to.deep.equal([20, ['close']]);
  });

  it('tells of a disk that failed with whatever is asked next, and can be abandoned', async () => {
    inner.writeFailure = new Error('ENOSPC');
    for (const number of upTo(5)) write(frame(number));
    expect(await thrownBy(file.flush())).to.equal(inner.writeFailure);
    expect(() => write(frame(9))).to.throw('ENOSPC');
    expect(() => file.room()).to.throw('ENOSPC');
    expect(await thrownBy(file.close(COMPLETION))).to.equal(inner.writeFailure);
    await file.abandon(COMPLETION);
    expect(inner.calls).to.deep.equal(['abandon']);
    // What failed keeps no places.
    expect(compressor.room()).to.equal(undefined);
  });

  it('spoils nothing of a file that begins while frames of one that failed are still with the threads', async () => {
    for (const rows of [128, 2048, 512]) {
      const failed = file;
      inner.writeFailure = new Error('ENOSPC');
      for (const number of upTo(300)) write(frame(number));
      open();
      const pixels = upTo(100).map((number) => randomBytes(rows * 512).fill(number, 0, rows * 256));
      for (const number of upTo(100)) {
        write(frame(number, { rows, pixels: Uint8Array.from(pixels[number] as Buffer) }));
        await file.room();
      }
      await file.flush();
      await failed.abandon(COMPLETION);
      for (const number of upTo(100)) {
        const plain = new Uint8Array(rows * 512);
        const packed = inner.frames[number]?.pixels ?? new Uint8Array();
        decompress({ algorithm: 'bslz4', elementBytes: 4 }, packed, plain);
        expect(Buffer.compare(plain, pixels[number] as Buffer), `frame ${number} of ${rows}`).to.equal(0);
      }
    }
    expect(compressor.room()).to.equal(undefined);
  });

  it('passes on what it does not care for', () => {
    file.setParameter('general/user', 'me');
    expect(inner.calls).to.deep.equal(['general/user']);
    expect([file.framesWritten, file.bytesWritten]).to.deep.equal([0, 7]);
  });

  it('is the file itself where nothing is kept', () => {
    const format = new CompressingFormat({ create: () => inner }, () =>
      expect.fail('no compressor is needed'),
    );
    expect(format.create('/dev/null', {} as AcquisitionDescription)).to.equal(inner);
  });
});
