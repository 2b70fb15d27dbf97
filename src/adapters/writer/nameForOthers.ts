import type { WriterParameters } from '../../contracts/writer.js';
import { type Reservation, reserveFile } from '../../files/freeName.js';

/**
 * Chooses output files for a writer that opens files by itself and overwrites what is there: the deployment's rule for
 * existing files is applied here, missing folders are made, and the name is left free, because the writer may run
 * under another account and could not open a file of ours. A file that is replaced is set aside until the writer runs.
 */
export class NamesForOthers {
  readonly #isSharedDisk: boolean;
  #reserved: Reservation | null = null;

  /** @param isSharedDisk - False: the writer's disk is not seen from here; names are taken as they are. */
  constructor(isSharedDisk: boolean) {
    this.#isSharedDisk = isSharedDisk;
  }

  /** Gives back the name chosen before, if the writer never ran with it. Throws what `reserveFile` throws. */
  async choose({ outputFile, existingFile, userId }: WriterParameters): Promise<string> {
    if (!this.#isSharedDisk) return outputFile;
    await this.giveBack();
    const ownerId = userId > 0 && process.getuid?.() === 0 ? userId : null;
    const reserved = await reserveFile(outputFile, { rule: existingFile, ownerId });
    await reserved.clear();
    this.#reserved = reserved;
    return reserved.path;
  }

  /** The writer runs: what was there before goes. */
  async keep(): Promise<void> {
    const reserved = this.#reserved;
    this.#reserved = null;
    await reserved?.keep();
  }

  /** The writer will not run: what was there before comes back. */
  async giveBack(): Promise<void> {
    const reserved = this.#reserved;
    this.#reserved = null;
    if (reserved?.replaces) await reserved.giveBack();
  }
}
