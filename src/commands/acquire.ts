import { access } from 'node:fs/promises';
import type { DiaClient } from '../client/client.js';
import type { AcquisitionConfig } from '../contracts/json.js';
import { connect, type ServerOptions } from './connect.js';
import { EXIT_CODES, type ExitName } from './exitCodes.js';
import { describeFile, type FileReport, reportFile, wireReport } from './fileReport.js';
import { readInput } from './inputFile.js';
import { listenForInterrupts } from './interrupts.js';
import type { Output } from './output.js';
import { type RunResult, runAcquisition } from './runAcquisition.js';
import { parseConfig, type RunFlags, runConfig } from './runConfig.js';
import { RunDisplay } from './runDisplay.js';

/** What `dia acquire` is told. */
export interface AcquireOptions extends RunFlags, ServerOptions {
  /** Path of a JSON file, `-` for the standard input. */
  readonly config?: string | undefined;
  readonly reset?: boolean | undefined;
}

/** Takes one acquisition with a server that runs, to the end; Ctrl-C stops it. */
export async function acquireCommand(output: Output, options: AcquireOptions): Promise<ExitName> {
  const file =
    options.config === undefined ? null : parseConfig(await readInput(options.config), options.config);
  const interrupts = listenForInterrupts(['SIGINT', 'SIGTERM'], () => {
    output.problem('Not waiting for the stop. `dia status` shows whether the acquisition still runs.');
    process.exit(EXIT_CODES.interrupted.code);
  });
  return acquire(await connect(options), {
    output,
    config: runConfig(options, file),
    reset: options.reset ?? false,
    signal: interrupts.signal,
  });
}

/** Takes one acquisition and prints what it came to; a file that is in reach is verified. */
export async function acquire(
  client: DiaClient,
  options: { output: Output; config: AcquisitionConfig; reset: boolean; signal: AbortSignal },
): Promise<ExitName> {
  const { output, signal } = options;
  // Said at once: standing down takes as long as the hardware needs.
  signal.addEventListener('abort', () => output.problem('Stops the acquisition …'), { once: true });
  const result = await runAcquisition(client, { ...options, display: new RunDisplay(output) });
  const report = await verified(result, options.config);
  printResult(output, result, report);
  if (result.outcome === 'stopped') return 'interrupted';
  return report !== null && report.problems.length > 0 ? 'badFile' : 'ok';
}

/** Null when there is no file, or none that can be seen from here. */
async function verified({ file }: RunResult, config: AcquisitionConfig): Promise<FileReport | null> {
  if (file === null || !(await isHere(file))) return null;
  const frames = config.writer?.n_frames;
  // What was interrupted is still read: the user wants to know what is there.
  const { signal } = new AbortController();
  return reportFile(file, { expectedFrames: typeof frames === 'number' ? frames : null, signal });
}

function isHere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function printResult(output: Output, { outcome, file }: RunResult, report: FileReport | null): void {
  const { file: _, ...facts } = report === null ? { file } : wireReport(report);
  output.document({ type: 'result', outcome, file, verified: report !== null, ...facts });
  if (file === null) {
    output.line('Nothing was written.');
    return;
  }
  if (report === null) output.line('The file is not in reach from here and was not verified again.');
  else {
    const problems = outcome === 'finished' ? report.problems : [];
    for (const problem of problems) output.problem(problem);
    const word = outcome === 'stopped' ? 'Stopped' : problems.length === 0 ? 'Verified' : 'Not as expected';
    const style = word === 'Verified' ? 'green' : 'yellow';
    output.line(`${output.paint(style, word)}: ${describeFile(report)}`);
  }
  output.line(output.paint('bold', file));
}
