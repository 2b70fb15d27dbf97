import type { JsonObject } from '../contracts/json.js';
import { type ParameterDefaults, readParameters } from './configureBody.js';
import type { Recorder, RecorderReport } from './recorder.js';
import type { Routes } from './rest.js';

/** The statistics, by the names of PSI's writer and some more. */
function statisticsBody(report: RecorderReport): JsonObject {
  return {
    status: report.status,
    n_received_frames: report.receivedFrames,
    n_written_frames: report.writtenFrames,
    n_lost_frames: report.lostFrames,
    total_expected_frames: report.expectedFrames,
    n_duplicate_frames: report.duplicateFrames,
    n_bad_messages: report.badMessages,
    n_foreign_messages: report.foreignMessages,
    n_outside_frames: report.outsideFrames,
    n_incomplete_frames: report.incompleteFrames,
    n_written_bytes: report.writtenBytes,
    frame_rate: report.frameRateHz,
    file: report.file,
  };
}

/** The whole state in one answer. */
function statusBody(report: RecorderReport): JsonObject {
  const { error } = report;
  return { ...statisticsBody(report), error: error?.message ?? null, error_code: error?.code ?? null };
}

/** The routes of a long-lived writer. */
export function serviceRoutes(recorder: Recorder, defaults: ParameterDefaults): Routes {
  const status = () => statusBody(recorder.report());
  const then = (work: () => Promise<unknown>) => async () => {
    await work();
    return status();
  };
  const stop = then(() => recorder.stop());
  const kill = then(() => recorder.kill());
  return {
    '/status': { GET: status },
    '/statistics': { GET: () => statisticsBody(recorder.report()) },
    '/ended': { GET: () => hasEnded(recorder).then(status) },
    '/parameters': parametersRoute(recorder),
    '/configure': {
      POST: async (body) => {
        await recorder.configure(readParameters(body, defaults));
        return status();
      },
    },
    '/start': { POST: then(() => recorder.start()) },
    '/stop': { GET: stop, POST: stop },
    '/kill': { GET: kill, POST: kill },
    '/reset': { POST: then(() => recorder.reset()) },
  };
}

/** Whoever asks is told at once, and hears of us before he may think that we hang. */
const LONGEST_ANSWER_MS = 2_000;

/** Waits until no acquisition goes on, but not for ever. */
async function hasEnded(recorder: Recorder): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LONGEST_ANSWER_MS);
  });
  await Promise.race([recorder.ended(), late]);
  clearTimeout(timer);
}

/**
 * The routes of a writer that takes one acquisition, with the words of PSI's writer.
 *
 * @param end - Ends the acquisition and then the process; resolves when the file is closed.
 */
export function processRoutes(recorder: Recorder, end: (how: 'stop' | 'kill') => Promise<void>): Routes {
  const words = () => {
    const { status } = recorder;
    // PSI's writer knows no other word for an end.
    return status === 'stopped' ? 'finished' : status === 'configured' ? 'receiving' : status;
  };
  // Whoever started the process takes its first answer for the sign that no frame can be missed from now on.
  const whenStarted = (answer: () => JsonObject) => async () => {
    await recorder.started();
    return answer();
  };
  const stop = async () => {
    await end('stop');
    return { ...statusBody(recorder.report()), status: words() };
  };
  const kill = async () => {
    await end('kill');
    return { ...statusBody(recorder.report()), status: 'killed' };
  };
  return {
    '/status': { GET: whenStarted(() => ({ ...statusBody(recorder.report()), status: words() })) },
    '/statistics': { GET: whenStarted(() => ({ ...statisticsBody(recorder.report()), status: words() })) },
    '/parameters': parametersRoute(recorder),
    '/stop': { GET: stop, POST: stop },
    '/kill': { GET: kill, POST: kill },
  };
}

function parametersRoute(recorder: Recorder): Routes[string] {
  return {
    POST: (body: JsonObject) => {
      recorder.setParameters(body);
      return { message: 'Parameters set.' };
    },
  };
}
