import { existsSync } from 'node:fs';
import { expect } from 'chai';
import {
  ComponentFailedError,
  ComponentSilentError,
  InvalidRequestError,
  WrongStateError,
} from '../../src/contracts/errors.js';
import type { Section } from '../../src/contracts/json.js';
import type { Writer, WriterParameters } from '../../src/contracts/writer.js';
import { expectDiaError, thrownBy, until, within } from '../support/calls.js';

/** A writer to be tested, who sends it frames, and how to make it fall silent and go away. */
export interface WriterUnderTest {
  readonly writer: Writer;
  /** An empty folder for its files. */
  readonly folder: string;
  readonly sendFrames: (numbers: readonly number[]) => Promise<void>;
  readonly freeze: () => void;
  readonly wake: () => void;
  /** Ends the writer; called once after each test as well. */
  readonly end: () => Promise<void>;
  /** Further fields of the writer section that it cannot do without. */
  readonly extra?: Section;
  /** The writer is a process per acquisition: between acquisitions there is nothing to ask, and nothing to hang. */
  readonly isPerRun?: true;
  /** The word once all frames are written; `finished` by default. */
  readonly ended?: 'finished' | 'stopped';
  /** The word right after the start; `receiving` by default. */
  readonly begun?: 'configured';
  /** What happens to the writer when the detector is stopped, which it always is before the writer. */
  readonly stopDetector?: () => Promise<void>;
  /** It does not tell how many frames are missing, or it does not survive a gap. */
  readonly knowsGaps?: false;
}

/** What every writer adapter has to do, tried on its real wire. When it counts frames is for the adapter to say. */
export function describeWriterContract(name: string, make: () => Promise<WriterUnderTest>): void {
  describe(`writer contract: ${name}`, () => {
    let under: WriterUnderTest;
    let writer: Writer;

    const parameters = (changes: Partial<WriterParameters> = {}): WriterParameters => ({
      outputFile: `${under.folder}/contract.h5`,
      frames: 3,
      userId: -1,
      existingFile: 'number',
      extra: under.extra ?? {},
      acquisition: { detector: { frames: 3, exptime: 0.001 }, writer: { n_frames: 3 } },
      acquisitionId: 'contract-1',
      ...changes,
    });
    const report = () => writer.report(within());
    const status = async () => (await report()).status;
    const isEnded = (word: string) => word === (under.ended ?? 'finished');
    const counts = () => writer.counts ?? 'live';
    const writes = async (frames: number) => {
      if (counts() === 'live') await until(report, ({ statistics }) => statistics.writtenFrames === frames);
    };

    /** What hangs has to run first. */
    const begin = async () => {
      if (!under.isPerRun) return;
      await writer.configure(parameters({ frames: 100 }), within());
      await writer.start(within());
    };

    beforeEach(async () => {
      under = await make();
      writer = under.writer;
      await writer.connect();
    });
    afterEach(async () => {
      await writer.disconnect();
      await under.end();
    });

    it('is stopped at first, with nothing counted and no file', async () => {
      const { status: word, file, error, statistics } = await report();
      expect({ word, file, error }).to.deep.equal({ word: 'stopped', file: null, error: null });
      expect(Object.values(statistics)).to.deep.equal([0, 0, 0, 0, 0, 0, 0]);
    });

    it('goes from configured through receiving and writing to finished, with the file there', async () => {
      await writer.configure(parameters(), within());
      expect(await status()).to.equal('configured');
      const { file } = await writer.start(within());
      expect(await status()).to.equal(under.begun ?? 'receiving');
      await under.sendFrames([0, 1]);
      await writes(2);
      expect(await status()).to.equal(counts() === 'never' ? 'receiving' : 'writing');
      await under.sendFrames([2]);
      const last = await until(report, (answer) => isEnded(answer.status));
      expect(file).to.equal(`${under.folder}/contract.h5`);
      expect(last.file).to.equal(file);
      if (counts() === 'never') return;
      expect(existsSync(String(file))).to.equal(true);
      expect(last.statistics).to.include({
        receivedFrames: 3,
        writtenFrames: 3,
        lostFrames: 0,
        duplicateFrames: 0,
        expectedFrames: 3,
      });
      expect(last.statistics.writtenBytes).to.be.greaterThan(0);
    });

    it('counts what is missing, and what came twice', async () => {
      if (under.knowsGaps === false) return;
      await writer.configure(parameters({ frames: 5 }), within());
      await writer.start(within());
      await under.sendFrames([0, 2, 2]);
      const seen = await until(report, ({ statistics }) => {
        return statistics.duplicateFrames === 1 && statistics.writtenFrames === 2;
      });
      expect(seen.statistics).to.include({ writtenFrames: 2, lostFrames: 1 });
    });

    it('writes several acquisitions one after the other, each into a file of its own', async () => {
      const files: (string | null)[] = [];
      for (let round = 0; round < 3; round++) {
        await writer.configure(parameters(), within());
        files.push((await writer.start(within())).file);
        await under.sendFrames([0, 1, 2]);
        await until(status, isEnded);
        await writer.reset(within());
        expect(await status()).to.equal('stopped');
      }
      expect(new Set(files).size).to.equal(3);
    });

    it('stops with the frames so far, and takes a second stop', async () => {
      await writer.configure(parameters({ frames: 100 }), within());
      await writer.start(within());
      await under.sendFrames([0, 1]);
      await writes(2);
      await under.stopDetector?.();
      await writer.stop(within());
      const stopped = await report();
      expect(stopped.status).to.equal('stopped');
      if (counts() !== 'never') expect(stopped.statistics.writtenFrames).to.equal(2);
      await writer.stop(within());
      expect(await status()).to.equal('stopped');
    });

    for (const end of ['reset', 'kill'] as const) {
      it(`is stopped after ${end} in the middle, and can be configured again`, async () => {
        await writer.configure(parameters({ frames: 100 }), within());
        await writer.start(within());
        await under.sendFrames([0]);
        await writes(1);
        await writer[end](within());
        expect(await status()).to.equal('stopped');
        await writer.configure(parameters(), within());
        expect(await status()).to.equal('configured');
      });
    }

    it('refuses an existing file when told so', async () => {
      await writer.configure(parameters({ existingFile: 'refuse' }), within());
      await writer.start(within());
      await under.sendFrames([0, 1, 2]);
      await until(status, isEnded);
      const again = (async () => {
        await writer.configure(parameters({ existingFile: 'refuse' }), within());
        await writer.start(within());
      })();
      const error = await expectDiaError(again, WrongStateError, 'file_exists');
      expect(error.message).to.contain('contract.h5');
    });

    it('refuses nonsense with its own words', async () => {
      const wrong = writer.configure(parameters({ outputFile: 'relative.h5' }), within());
      const error = await thrownBy(wrong);
      if (!(error instanceof ComponentFailedError || error instanceof InvalidRequestError)) throw error;
      expect(error.code).to.be.oneOf(['component_refused', 'invalid_path']);
      expect(error.message).to.contain('output_file');
      expect(error.facts.hint).to.be.a('string').and.not.equal('');
    });

    it('ends a call to a writer that hangs when the time is up, and works again when it wakes', async () => {
      await begin();
      under.freeze();
      await expectDiaError(writer.report(within(150)), ComponentSilentError, 'component_timeout');
      under.wake();
      expect(await status()).to.equal(under.isPerRun ? 'receiving' : 'stopped');
    });

    it('ends a call with the reason of the abort', async () => {
      await begin();
      under.freeze();
      const abort = new AbortController();
      const call = thrownBy(writer.report({ signal: abort.signal, timeoutMs: 60_000 }));
      const reason = new Error('preempted');
      abort.abort(reason);
      expect(await call).to.equal(reason);
      under.wake();
    });

    it('says when it has ended, without being asked again', async () => {
      if (writer.untilEnded === undefined) return;
      await writer.configure(parameters(), within());
      await writer.start(within());
      const ended = writer.untilEnded(within());
      await under.sendFrames([0, 1, 2]);
      const { status: word, statistics, file } = await ended;
      expect(isEnded(word), word).to.equal(true);
      expect(statistics.writtenFrames).to.equal(3);
      expect(file).to.equal(`${under.folder}/contract.h5`);
    });

    it('no longer waits for the end when the caller has aborted', async () => {
      if (writer.untilEnded === undefined) return;
      await writer.configure(parameters(), within());
      await writer.start(within());
      const abort = new AbortController();
      const ended = thrownBy(writer.untilEnded({ signal: abort.signal, timeoutMs: 60_000 }));
      const reason = new Error('preempted');
      abort.abort(reason);
      expect(await ended).to.equal(reason);
      await writer.stop(within());
      expect(await status()).to.equal('stopped');
    });

    it('calls a writer that is gone unreachable', async () => {
      if (under.isPerRun) return;
      await under.end();
      await expectDiaError(writer.report(within(500)), ComponentSilentError, 'component_unreachable');
    });
  });
}
