import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createBackend, createDetector, createWriter } from '../../../src/adapters/registry.js';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import { Components } from '../../../src/controller/components.js';
import { verifyFiles } from '../../../src/controller/work/verifyFiles.js';
import { loadHdf5 } from '../../../src/files/hdf5.js';
import { createTelemetry } from '../../../src/telemetry/logger.js';
import { expectDiaError } from '../../support/calls.js';
import { HttpFake } from '../../support/httpFake.js';
import { upTo } from '../../support/writerFrames.js';
import { writeNexus } from '../../support/writerNexus.js';

const NOBODY = '127.0.0.1:1';
const SLOW = 60_000;
const STATISTICS = {
  ...{ n_received_frames: 0, n_lost_frames: 0, total_expected_frames: 3, n_duplicate_frames: 0 },
  ...{ n_written_bytes: 0, frame_rate: 0 },
};
const PIXELS = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array } as const;

describe('the check of the files of a run', () => {
  let folder: string;
  let file: string;
  let components: Components;
  let service: HttpFake;
  let counted = 0;
  const telemetry = createTelemetry({ level: 'error', folder: null, quiet: true });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-verify-files-'));
    file = join(folder, 'run.h5');
    service = await HttpFake.open(() => ({
      body: { status: 'stopped', file: null, error: null, ...STATISTICS, n_written_frames: counted },
    }));
    const pipeline = {
      name: 'main',
      detector: createDetector('simulated', 'detector', { endpoint: `tcp://${NOBODY}` }),
      backend: createBackend('none', 'backend', {}),
      writer: createWriter('h5-service', 'writer', { url: service.url }),
      disabled: ['detector', 'backend'],
    };
    const limits = { callTimeoutMs: 1000, statusTimeoutMs: 1000, lostAfterMs: SLOW };
    components = new Components(
      { pipelines: [pipeline], auxiliaryWriters: [], trigger: null },
      { ...limits, pollRunningMs: SLOW, pollIdleMs: SLOW },
      telemetry,
    );
    await components.start();
  });
  after(async () => {
    await components.stop();
    service.close();
    await rm(folder, { recursive: true });
  });

  async function stack(frames: number, bits: keyof typeof PIXELS): Promise<void> {
    const { File } = await loadHdf5();
    const made = new File(file, 'w');
    made.create_dataset({ name: 'images', data: new PIXELS[bits](frames * 6), shape: [frames, 2, 3] });
    made.close();
  }

  /** Checks the file of a run of three frames. */
  const check = (bitDepth: number, name = file) => {
    const writer = {
      ...{ outputFile: file, frames: 3, userId: -1, existingFile: 'number' as const, extra: {} },
      ...{ acquisition: {}, acquisitionId: 'a-1' },
    };
    const plan = {
      ...{ id: 'a-1', config: {}, auxiliary: {} },
      pipelines: { main: { detector: {}, backend: { bit_depth: bitDepth }, writer } },
      stall: { timeoutMs: SLOW, fails: false, waitsForTrigger: true },
    };
    const signal = new AbortController().signal;
    const options = { plan, files: { writer: name }, endWriters: false, timeoutMs: 20_000, signal };
    return verifyFiles(components, options);
  };

  for (const [bitDepth, bits] of [
    [4, 8],
    [8, 8],
    [12, 16],
    [16, 16],
    [32, 32],
  ] as const) {
    it(`takes pixels of ${bits} bit for a detector of ${bitDepth} bit`, async () => {
      await stack(3, bits);
      await check(bitDepth);
    });
  }

  for (const [bitDepth, bits] of [
    [4, 16],
    [16, 8],
    [32, 16],
  ] as const) {
    it(`refuses pixels of ${bits} bit for a detector of ${bitDepth} bit`, async () => {
      await stack(3, bits);
      const error = await expectDiaError(check(bitDepth), ComponentFailedError, 'file_invalid');
      expect(error.message).to.contain(`Its pixels are uint${bits}, not uint${Math.max(8, bitDepth)}.`);
    });
  }

  it('does not take a file of another acquisition for its own', async () => {
    await writeNexus(file, { expected: 3, frames: upTo(3) });
    const error = await expectDiaError(check(16), ComponentFailedError, 'file_invalid');
    expect(error.message).to.equal(`The file ${file} is of another acquisition.`);
  });

  it('finds frames missing', async () => {
    await stack(2, 16);
    const error = await expectDiaError(check(16), ComponentFailedError, 'frames_missing');
    expect(error.message).to.contain('2 of 3 frames');
  });

  it('goes by what was counted where nothing is kept', async () => {
    counted = 3;
    await check(16, '/dev/null');
    counted = 2;
    const error = await expectDiaError(check(16, '/dev/null'), ComponentFailedError, 'frames_missing');
    expect(error.message).to.equal('Frames missing: 2 of 3 frames came; none were to be kept.');
  });
});
