import { NO_FILE } from '../../config/fileRules.js';
import type { AcquisitionPlan } from '../../contracts/acquisition.js';
import { ComponentFailedError } from '../../contracts/errors.js';
import type { Writer } from '../../contracts/writer.js';
import { checkFile, type FileFacts } from '../../files/verifyFile.js';
import { verifyInWorker } from '../../files/verifyInWorker.js';
import type { Components } from '../components.js';
import { inParallel } from '../inParallel.js';
import { pixelBytes } from '../pixelBytes.js';
import type { Supervisor } from '../supervisor.js';

export interface VerifyOptions {
  readonly plan: AcquisitionPlan;
  /** The files really written, by writer name. */
  readonly files: Readonly<Record<string, string>>;
  /** Ends the writers first: they wait for frames that do not come. */
  readonly endWriters: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Opens every file of the run again and counts; throws `frames_missing` or `file_invalid`. */
export async function verifyFiles(components: Components, options: VerifyOptions): Promise<void> {
  const { plan, files, endWriters, signal } = options;
  await inParallel(
    signal,
    components.pipelines.map(({ name, writer }) => async (taskSignal: AbortSignal) => {
      if (endWriters) await end(writer, taskSignal);
      const file = files[writer.name];
      const parameters = plan.pipelines[name];
      if (!writer.enabled || file === undefined || parameters === undefined) return;
      if (file === NO_FILE) {
        await judgeCounts(writer, parameters.writer.frames, taskSignal);
        return;
      }
      const { timeoutMs } = options;
      // Not the writer is asked, but its file; it stands in the audit trail like a call, with the time it took.
      const facts = await writer.call('verify', taskSignal, () =>
        verifyInWorker(file, { signal: taskSignal, timeoutMs }),
      );
      const bitDepth = parameters.backend.bit_depth;
      judge(writer.name, facts, {
        acquisitionId: plan.id,
        frames: parameters.writer.frames,
        bitDepth: typeof bitDepth === 'number' ? bitDepth : null,
      });
    }),
  );
  if (endWriters) {
    await inParallel(
      signal,
      components.auxiliaryWriters.map((writer) => (taskSignal: AbortSignal) => end(writer, taskSignal)),
    );
  }
}

async function end(writer: Supervisor<Writer>, signal: AbortSignal): Promise<void> {
  if (!writer.enabled) return;
  await writer.call('stop', signal, (adapter, options) => adapter.stop(options));
}

/** A run of which nothing is kept leaves no file to open: what its writer counted has to do. */
async function judgeCounts(writer: Supervisor<Writer>, frames: number, signal: AbortSignal): Promise<void> {
  if ((writer.adapter.counts ?? 'live') === 'never') return;
  const { statistics } = await writer.call('report', signal, (adapter, options) => adapter.report(options));
  const written = statistics.writtenFrames;
  if (written < frames) throw framesMissing(writer.name, NO_FILE, { frames, written });
}

function framesMissing(
  component: string,
  file: string,
  { frames, written }: { frames: number; written: number },
): ComponentFailedError {
  const isKept = file !== NO_FILE;
  const where = isKept ? `are in ${file}` : 'came; none were to be kept';
  const stay = isKept ? 'The frames in the file are good and stay there. ' : '';
  return new ComponentFailedError(
    'frames_missing',
    `Frames missing: ${written} of ${frames} frames ${where}.`,
    {
      component,
      operation: 'verify',
      expected: frames,
      actual: written,
      hint:
        `${stay}Compare received and lost frames in GET /api/v1/metrics to see where they were lost, ` +
        'then reset and repeat the acquisition.',
    },
  );
}

function judge(
  component: string,
  facts: FileFacts,
  expected: { frames: number; bitDepth: number | null; acquisitionId: string },
): void {
  if (facts.acquisitionId !== null && facts.acquisitionId !== expected.acquisitionId) {
    throw new ComponentFailedError('file_invalid', `The file ${facts.file} is of another acquisition.`, {
      component,
      operation: 'verify',
      expected: expected.acquisitionId,
      actual: facts.acquisitionId,
      hint: 'Somebody put another file in its place, or two controllers wrote to one name. Look for the frames, then reset.',
    });
  }
  if (facts.framesWritten < expected.frames) {
    throw framesMissing(component, facts.file, { ...expected, written: facts.framesWritten });
  }
  const problems = checkFile(facts, {
    frames: expected.frames > 0 ? expected.frames : facts.frames,
    ...(expected.bitDepth === null ? {} : { dtype: `uint${8 * pixelBytes(expected.bitDepth)}` }),
  });
  if (problems.length > 0) {
    throw new ComponentFailedError(
      'file_invalid',
      `The file ${facts.file} is not as expected: ${problems.join(' ')}`,
      {
        component,
        operation: 'verify',
        expected: `${expected.frames} frames of ${expected.bitDepth ?? 'any'} bit`,
        actual: problems,
        hint: 'Look at the file with `dia verify` and at the log of the writer, then reset.',
      },
    );
  }
}
