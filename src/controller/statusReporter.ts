import type { StatusReport } from '../contracts/acquisition.js';
import { ComponentSilentError, type DiaError } from '../contracts/errors.js';
import type { Telemetry } from '../telemetry/logger.js';
import type { AcquisitionActor } from './acquisitionActor.js';
import type { Components } from './components.js';
import type { EventLog } from './eventLog.js';
import { report } from './statusBoard.js';
import { speak, type Vocabulary } from './vocabulary.js';

export interface StatusReporterOptions {
  readonly components: Components;
  readonly vocabulary: Vocabulary;
  readonly telemetry: Telemetry;
  readonly events: EventLog;
}

/** Keeps what is reported at hand, and tells the log and the clients when it changes. */
export class StatusReporter {
  private readonly actor: AcquisitionActor;
  private readonly options: StatusReporterOptions;
  private latest: StatusReport;
  private translation: StatusReport;
  private soon: NodeJS.Immediate | null = null;
  private isTelling = false;

  constructor(actor: AcquisitionActor, options: StatusReporterOptions) {
    this.actor = actor;
    this.options = options;
    this.latest = report(actor.getSnapshot(), options.components, null);
    this.translation = this.translated();
  }

  /** Tells nothing before: while a controller takes up what another has left, its components are no surprise. */
  begin(): void {
    this.isTelling = true;
    this.refresh();
  }

  /** By the states of the machine. */
  get current(): StatusReport {
    if (this.soon !== null) this.refresh();
    return this.latest;
  }

  /** In the words of the deployment. */
  get spoken(): StatusReport {
    if (this.soon !== null) this.refresh();
    return this.translation;
  }

  /** Looks again when all that has come in at once has been taken: many components may answer in one turn. */
  refreshSoon(): void {
    this.soon ??= setImmediate(() => this.refresh());
  }

  /** Looks again at what is known; to be called after every change of the machine. */
  refresh(): void {
    if (this.soon !== null) clearImmediate(this.soon);
    this.soon = null;
    if (!this.isTelling) return;
    const { telemetry, components, events } = this.options;
    const before = { current: this.latest, spoken: this.translation };
    const snapshot = this.actor.getSnapshot();
    telemetry.belongTo(snapshot.context.plan?.id);
    this.latest = report(snapshot, components, before.current);
    this.translation = this.translated();
    if (!same(before.current, this.latest)) this.log(before.current);
    if (same(before.spoken, this.translation)) return;
    const { status, transition, file } = this.translation;
    events.add('state', {
      status: `IntegrationStatus.${status}`,
      transition,
      file,
      ...details(this.spoken),
    });
  }

  private translated(): StatusReport {
    const { status, error } = this.latest;
    const isSilent = error instanceof ComponentSilentError;
    return { ...this.latest, status: speak(this.options.vocabulary, status, isSilent) };
  }

  private log(before: StatusReport): void {
    const { log } = this.options.telemetry;
    const { status, transition, file, error, notice } = this.latest;
    if (notice !== null && notice !== before.notice) {
      log.warn(notice);
      return;
    }
    const fields = { file: file ?? undefined };
    if (error !== null && error.message !== before.error?.message)
      log.error(error.message, { ...fields, ...facts(error) });
    else log.info(`${status}${transition === null ? '' : ` (${transition})`}`, fields);
  }
}

function details({ error, notice }: StatusReport): { details?: string } {
  const text = error?.message ?? notice;
  return text === null ? {} : { details: text };
}

const same = (one: StatusReport, other: StatusReport) =>
  one.status === other.status &&
  one.transition === other.transition &&
  one.file === other.file &&
  one.notice === other.notice &&
  one.error?.code === other.error?.code &&
  one.error?.message === other.error?.message;

const facts = ({ code, facts: { component, operation, expected, actual, hint } }: DiaError) => ({
  code,
  component,
  operation,
  expected,
  actual,
  hint,
});
