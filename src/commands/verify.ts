import { DiaError } from '../contracts/errors.js';
import { repairFile } from '../files/repairFile.js';
import type { ExitName } from './exitCodes.js';
import { printReport, reportFile, wireReport } from './fileReport.js';
import type { Output } from './output.js';

/**
 * Opens files, counts their frames and says what is wrong with them; all of them, whatever the first ones are. Asked to
 * repair, it first makes files readable that were not closed.
 */
export async function verifyCommand(
  output: Output,
  paths: readonly string[],
  options: { readonly frames?: number; readonly repair?: boolean },
): Promise<ExitName> {
  const { signal } = new AbortController();
  const files: object[] = [];
  let good = true;
  for (const path of paths) {
    try {
      const repaired = options.repair ? await repair(output, path) : {};
      const report = await reportFile(path, { expectedFrames: options.frames ?? null, signal });
      printReport(output, report);
      files.push({ ...wireReport(report), ...repaired });
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

async function repair(output: Output, path: string): Promise<{ repaired: readonly string[] }> {
  const { found } = await repairFile(path);
  for (const one of found) output.line(`${path}: ${one}`);
  output.line(
    `${path}: ${found.length > 0 ? 'repaired; it opens like any other file' : 'nothing to repair'}`,
  );
  return { repaired: found };
}
