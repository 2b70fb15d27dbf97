import { expect } from 'chai';
import type { Backend, BackendStatus } from '../../../src/contracts/backend.js';
import type { Detector, DetectorStatus } from '../../../src/contracts/detector.js';
import type { Writer, WriterStatus } from '../../../src/contracts/writer.js';
import { Components } from '../../../src/controller/components.js';
import { standDown } from '../../../src/controller/work/standDown.js';
import { createTelemetry } from '../../../src/telemetry/logger.js';

const LONG_MS = 60_000;
const TRANSPORT = { connect: async () => undefined, disconnect: async () => undefined };
const NO_STATISTICS = { receivedFrames: 0, writtenFrames: 0, lostFrames: 0, duplicateFrames: 0 };

/** Three components that say where they are, and keep what they are told. */
class Pipeline {
  /** Beginning and end of each call. */
  readonly calls: string[] = [];
  detectorIs: DetectorStatus = 'idle';
  backendIs: BackendStatus = 'OPEN';
  writerIs: WriterStatus = 'finished';
  /** Ends the calls that have begun. */
  #end = () => {};
  #mayEnd = Promise.resolve();

  /** Calls that begin from now on last until the answer is called. */
  hold(): () => void {
    this.#mayEnd = new Promise((resolve) => {
      this.#end = resolve;
    });
    return () => this.#end();
  }

  #does = (what: string) => async () => {
    this.calls.push(what);
    await this.#mayEnd;
    this.calls.push(`${what} done`);
  };

  get detector(): Detector {
    return {
      ...{ ...TRANSPORT, address: 'detector', configure: this.#does('detector configure') },
      ...{ getValue: async () => 0, setValue: async () => 0, metrics: async () => ({}) },
      ...{ start: this.#does('detector start'), stop: this.#does('detector stop') },
      status: async () => this.detectorIs,
    };
  }

  get backend(): Backend {
    return {
      ...{ ...TRANSPORT, address: 'backend', configure: this.#does('backend configure') },
      ...{ open: this.#does('backend open'), close: this.#does('backend close') },
      ...{ reset: this.#does('backend reset'), metrics: async () => ({}) },
      status: async () => this.backendIs,
    };
  }

  get writer(): Writer {
    return {
      ...{ ...TRANSPORT, address: 'writer', configure: this.#does('writer configure') },
      start: async () => ({ file: null }),
      ...{ stop: this.#does('writer stop'), reset: this.#does('writer reset') },
      kill: this.#does('writer kill'),
      report: async () => ({
        ...{ status: this.writerIs, file: null, error: null },
        statistics: { ...NO_STATISTICS, expectedFrames: 0, writtenBytes: 0, frameRateHz: 0 },
      }),
    };
  }
}

describe('standing down', () => {
  const { signal } = new AbortController();
  let pipeline: Pipeline;
  let components: Components;

  beforeEach(() => {
    pipeline = new Pipeline();
  });
  afterEach(() => components.stop());

  async function watched(disabled: readonly string[] = []): Promise<void> {
    const { detector, backend, writer } = pipeline;
    const limits = { callTimeoutMs: LONG_MS, statusTimeoutMs: LONG_MS, lostAfterMs: LONG_MS };
    components = new Components(
      {
        pipelines: [{ name: 'main', detector, backend, writer, disabled }],
        ...{ auxiliaryWriters: [], trigger: null },
      },
      { ...limits, pollRunningMs: LONG_MS, pollIdleMs: LONG_MS },
      createTelemetry({ level: 'error', folder: null, quiet: true }),
    );
    await components.start();
    await components.seen(LONG_MS);
  }

  /** What has begun when nothing goes further before that has ended. */
  async function begun(): Promise<string[]> {
    const end = pipeline.hold();
    const done = standDown(components, 'stop', signal);
    await new Promise((resolve) => setImmediate(resolve));
    const calls = [...pipeline.calls];
    end();
    await done;
    return calls;
  }

  it('tells all at once what is at rest after a run', async () => {
    await watched();
    expect(await begun()).to.have.members(['detector stop', 'backend close', 'writer reset']);
  });

  it('ends the writer after the backend, and that after the detector, while the writer takes what they have left', async () => {
    pipeline.writerIs = 'writing';
    await watched();
    expect(await begun()).to.deep.equal(['detector stop']);
    expect(pipeline.calls.slice(0, 6)).to.deep.equal(
      ['detector stop', 'backend close', 'writer stop'].flatMap((call) => [call, `${call} done`]),
    );
  });

  it('ends the writer last also when somebody else starts the detector', async () => {
    pipeline.writerIs = 'receiving';
    await watched(['detector']);
    expect(await begun()).to.deep.equal(['backend close']);
  });

  it('does not take a detector for idle that is just being started', async () => {
    pipeline.writerIs = 'stopped';
    await watched();
    const end = pipeline.hold();
    const [main] = components.pipelines;
    const starting = main?.detector.command('start', signal, (adapter, options) => adapter.start(options));
    const done = standDown(components, 'stop', signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(pipeline.calls).to.deep.equal(['detector start', 'detector stop']);
    end();
    await Promise.all([starting, done]);
  });
});
