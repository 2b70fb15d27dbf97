import { createBackend } from '../../../src/adapters/registry.js';
import type { Detector, DetectorStatus } from '../../../src/contracts/detector.js';
import type { Writer, WriterReport } from '../../../src/contracts/writer.js';
import { Components } from '../../../src/controller/components.js';
import { EventLog } from '../../../src/controller/eventLog.js';
import { watchRun } from '../../../src/controller/watchRun.js';
import { createTelemetry } from '../../../src/telemetry/logger.js';
import { driver } from '../../support/acquisitionDriver.js';
import { until } from '../../support/calls.js';

const NEVER_MS = 60_000;
const nothing = async () => undefined;
const transport = { address: 'fake', connect: nothing, disconnect: nothing };

function detector(status: () => DetectorStatus): Detector {
  return {
    ...{ ...transport, configure: nothing, start: nothing, stop: nothing },
    ...{ getValue: async () => 0, setValue: async () => 0, metrics: async () => ({}) },
    status: async () => status(),
  };
}

function writer(report: () => WriterReport, ended: Promise<void>): Writer {
  return {
    ...{ ...transport, configure: nothing, stop: nothing, reset: nothing, kill: nothing },
    start: async () => ({ file: null }),
    report: async () => report(),
    untilEnded: () => ended.then(report),
  };
}

const reportOf = (status: WriterReport['status']): WriterReport => ({
  ...{ status, file: null, error: null },
  statistics: {
    ...{ receivedFrames: 10, writtenFrames: 10, lostFrames: 0, duplicateFrames: 0 },
    ...{ expectedFrames: 10, writtenBytes: 0, frameRateHz: 0 },
  },
});

describe('the watch of a run', () => {
  it('looks at the detector when the writer has ended, long before its turn', async () => {
    let exposes = true;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const components = new Components(
      {
        pipelines: [
          {
            ...{ name: 'a', disabled: ['backend'] },
            detector: detector(() => (exposes ? 'running' : 'idle')),
            backend: createBackend('none', 'backend', {}),
            writer: writer(() => reportOf(exposes ? 'receiving' : 'finished'), ended),
          },
        ],
        ...{ auxiliaryWriters: [], trigger: null },
      },
      {
        ...{ callTimeoutMs: NEVER_MS, statusTimeoutMs: NEVER_MS, lostAfterMs: NEVER_MS },
        ...{ pollRunningMs: NEVER_MS, pollIdleMs: NEVER_MS },
      },
      createTelemetry({ level: 'error', folder: null, quiet: true }),
    );
    const { actor, driveTo, state } = driver();
    try {
      await components.start();
      watchRun(actor, components, new EventLog(), { refresh: () => {}, refreshSoon: () => {} });
      await components.seen(NEVER_MS);
      await driveTo('running.acquiring');
      exposes = false;
      end();
      // The machine also waits for a beam-synchronous writer, which nobody has here.
      await until(state, (now) => now === 'running.auxiliary');
    } finally {
      actor.stop();
      await components.stop();
    }
  });
});
