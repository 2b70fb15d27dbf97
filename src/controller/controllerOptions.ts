import type { AcquisitionValidator } from '../config/acquisitionConfig.js';
import type { JsonObject } from '../contracts/json.js';
import type { PathLookups } from '../files/pathLookups.js';
import type { RunNumbers } from '../files/runNumbers.js';
import type { Journal } from '../telemetry/journal.js';
import type { Telemetry } from '../telemetry/logger.js';
import type { AcquisitionLimits } from './acquisitionActor.js';
import type { Components } from './components.js';
import type { PlanOptions } from './planAcquisition.js';
import type { ImageShape } from './spaceNeeds.js';
import type { Vocabulary } from './vocabulary.js';

/** What an integration is made of. */
export interface ControllerOptions {
  readonly components: Components;
  readonly limits: AcquisitionLimits & { readonly statusTimeoutMs: number };
  readonly vocabulary: Vocabulary;
  /** False: a reset is refused while an acquisition runs (kill is not). */
  readonly resetWhileRunning: boolean;
  readonly validator: AcquisitionValidator;
  readonly plan: Omit<PlanOptions, 'configOf' | 'runNumber' | 'lookups'>;
  /** Looks at the disk for one command, for a bounded time. */
  readonly lookups: () => PathLookups;
  readonly runNumbers: RunNumbers;
  /** What is checked before anything is configured; images by pipeline name. */
  readonly space: {
    readonly images: Readonly<Record<string, ImageShape>>;
    readonly minimumFreeBytes: number;
  };
  readonly telemetry: Telemetry;
  readonly journal: Journal;
  /** Ends the program at a component's address by force and waits for its successor, when that is one of ours. */
  readonly replaceProgram: (address: string) => Promise<void>;
  /** What `/info` tells of the server itself. */
  readonly about: () => JsonObject;
}
