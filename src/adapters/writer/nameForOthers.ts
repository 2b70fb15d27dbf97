import type { WriterParameters } from '../../contracts/writer.js';
import { releaseFile, reserveFile } from '../../files/freeName.js';

/**
 * Chooses the output file for a writer that opens files by itself and overwrites what is there: the deployment's rule for
 * existing files is applied here, missing folders are made, and the name is left free, because the writer may run
 * under another account and could not open a file of ours.
 *
 * @param isSharedDisk - False: the writer's disk is not seen from here; the name is taken as it is.
 * @throws what `reserveFile` throws.
 */
export async function nameForOthers(
  { outputFile, existingFile, userId }: WriterParameters,
  isSharedDisk: boolean,
): Promise<string> {
  if (!isSharedDisk) return outputFile;
  const ownerId = userId > 0 && process.getuid?.() === 0 ? userId : null;
  const file = await reserveFile(outputFile, { rule: existingFile, ownerId });
  await releaseFile(file);
  return file;
}
