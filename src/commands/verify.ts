import { DiaError } from '../contracts/errors.js';
import type { ExitName } from './exitCodes.js';
import { printReport, reportFile, wireReport } from './fileReport.js';
import type { Output } from './output.js';

/** Opens files, counts their frames and says what is wrong with them; all of them, whatever the first ones are. */
export async function verifyCommand(
  output: Output,
  paths: readonly string[],
  options: { readonly frames?: number },
): Promise<ExitName> {
  const { signal } = new AbortController();
  const files: object[] = [];
  let good = true;
  for (const path of paths) {
    try {
      const report = await reportFile(path, { expectedFrames: options.frames ?? null, signal });
      printReport(output, report);
      files.push(wireReport(report));
      good &&= report.problems.length === 0;
    } catch (error) {
      if (!(error instanceof DiaError)) throw error;
      output.problem(error.message);
      files.push({ file: path, ok: false, problems: [error.message] });
      good = false;
    }
  }
  output.document({ ok: good, files });
  return good ? 'ok' : 'badFile';
}
