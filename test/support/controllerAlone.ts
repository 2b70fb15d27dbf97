import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AcquisitionValidator } from '../../src/config/acquisitionConfig.js';
import type { Command, Reply } from '../../src/contracts/integration.js';
import type { AcquisitionLimits } from '../../src/controller/acquisitionActor.js';
import { Components } from '../../src/controller/components.js';
import { IntegrationController } from '../../src/controller/integrationController.js';
import { directLookups, type PathLookups } from '../../src/files/pathLookups.js';
import { RunNumbers } from '../../src/files/runNumbers.js';
import type { JournalEntry } from '../../src/telemetry/journal.js';
import { createTelemetry } from '../../src/telemetry/logger.js';

const SCHEMA = fileURLToPath(new URL('../../../deployments/simulation/config.schema.json', import.meta.url));

/** A controller that has no component to tell anything: what it does when is all there is to see. */
export class ControllerAlone {
  /** What it has written down, the oldest entry first. */
  readonly journal: JournalEntry[] = [];
  /** Looks at the disk for it; the disk's own answers unless a test says otherwise. */
  lookups: PathLookups = directLookups;
  /** Whether the disk of its journal takes entries, and never says that they are there. */
  journalHangs = false;
  readonly controller: IntegrationController;
  readonly #folder: string;

  private constructor(folder: string, schema: string, changes: Partial<AcquisitionLimits>) {
    this.#folder = folder;
    const telemetry = createTelemetry({ level: 'error', folder: null, quiet: true });
    const limits = {
      callTimeoutMs: 5_000,
      statusTimeoutMs: 1_000,
      lostAfterMs: 5_000,
      pollRunningMs: 100,
      pollIdleMs: 100,
      configureTimeoutMs: 5_000,
      startTimeoutMs: 5_000,
      stopTimeoutMs: 5_000,
      settleTimeoutMs: 5_000,
      verifyTimeoutMs: 5_000,
      drainTimeoutMs: 5_000,
      auxiliaryTimeoutMs: 5_000,
      ...changes,
    };
    this.controller = new IntegrationController({
      components: new Components({ pipelines: [], auxiliaryWriters: [], trigger: null }, limits, telemetry),
      limits,
      vocabulary: 'classic',
      resetWhileRunning: true,
      validator: AcquisitionValidator.fromText(schema, SCHEMA),
      plan: {
        pipelines: ['main'],
        auxiliaryWriters: [],
        dataFolder: folder,
        roots: [folder],
        existingFile: 'number',
        stall: { action: 'report', waitForTrigger: true },
      },
      lookups: () => this.lookups,
      runNumbers: new RunNumbers(join(folder, 'runs')),
      space: { images: {}, minimumFreeBytes: 0 },
      telemetry,
      journal: {
        last: null,
        append: async (entry) => {
          this.journal.push(entry);
          if (this.journalHangs) await new Promise(() => undefined);
        },
        close: async () => undefined,
      },
      replaceProgram: async () => undefined,
      about: () => ({}),
    });
  }

  static async start(limits: Partial<AcquisitionLimits> = {}): Promise<ControllerAlone> {
    const folder = await mkdtemp(join(tmpdir(), 'dia-alone-'));
    const alone = new ControllerAlone(folder, await readFile(SCHEMA, 'utf8'), limits);
    await alone.controller.start();
    return alone;
  }

  execute(command: Command): Promise<Reply> {
    return this.controller.execute(command, { requestId: 'test', client: 'test' });
  }

  get status(): string {
    return this.controller.status().status;
  }

  async close(): Promise<void> {
    await this.controller.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
