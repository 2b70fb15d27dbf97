import { checkFile, type FileFacts } from '../files/verifyFile.js';
import { verifyInWorker } from '../files/verifyInWorker.js';
import type { Output } from './output.js';
import { formatBytes } from './progressLine.js';

/** A disk that is asleep or far away may take its time, but not for ever. */
const VERIFY_TIMEOUT_MS = 60_000;

/** What verifying a file came to. */
export interface FileReport {
  readonly facts: FileFacts;
  readonly problems: readonly string[];
}

/**
 * Reads a file and says what is wrong with it.
 *
 * @param expectedFrames - Null: as many as the file itself says.
 * @throws ComponentFailedError `file_invalid` when it cannot be read.
 */
export async function reportFile(
  path: string,
  options: { readonly expectedFrames: number | null; readonly signal: AbortSignal },
): Promise<FileReport> {
  const bounds = { signal: options.signal, timeoutMs: VERIFY_TIMEOUT_MS };
  const facts = await verifyInWorker(path, { ...bounds, isThorough: true });
  // 0 expected frames: it took what came until it was stopped.
  const frames = options.expectedFrames || facts.framesExpected || facts.framesWritten;
  return { facts, problems: checkFile(facts, { frames }) };
}

/** `100 of 100 frames, 512x1024 uint16, 105.0 MB, complete`. */
export function describeFile({ facts }: FileReport): string {
  const expected = facts.framesExpected ? ` of ${facts.framesExpected}` : '';
  return [
    `${facts.framesWritten}${expected} frames`,
    ...(facts.framesIncomplete ? [`${facts.framesIncomplete} of them with missing pixels`] : []),
    ...(facts.shape === null ? [] : [`${facts.shape.join('x')} ${facts.dtype ?? ''}`.trim()]),
    formatBytes(facts.sizeBytes),
    ...(facts.complete === null ? [] : [facts.complete ? 'complete' : 'incomplete']),
  ].join(', ');
}

/** The report in the names of the wire. */
export function wireReport({ facts, problems }: FileReport) {
  return {
    file: facts.file,
    ok: problems.length === 0,
    complete: facts.complete,
    frames_written: facts.framesWritten,
    frames_expected: facts.framesExpected,
    frames_lost: facts.framesLost,
    frames_incomplete: facts.framesIncomplete,
    shape: facts.shape,
    dtype: facts.dtype,
    size_bytes: facts.sizeBytes,
    layout: facts.layout,
    problems,
  };
}

/** Prints what a file holds, and on stderr what is wrong with it. */
export function printReport(output: Output, report: FileReport): void {
  output.line(`${report.facts.file}: ${describeFile(report)}`);
  for (const problem of report.problems) output.problem(`${report.facts.file}: ${problem}`);
}
