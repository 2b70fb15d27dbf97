import { waitFor } from 'xstate';
import type { AcquisitionValidator } from '../config/acquisitionConfig.js';
import type { AcquisitionPlan, StandDown, StatusReport } from '../contracts/acquisition.js';
import {
  ComponentFailedError,
  InvalidRequestError,
  toDiaError,
  WrongStateError,
} from '../contracts/errors.js';
import type { Command, CommandContext, Integration, Reply } from '../contracts/integration.js';
import type { AcquisitionConfig, JsonObject, JsonValue, Section } from '../contracts/json.js';
import { checkFreeSpace } from '../files/freeSpace.js';
import type { RunNumbers } from '../files/runNumbers.js';
import type { Journal } from '../telemetry/journal.js';
import type { Telemetry } from '../telemetry/logger.js';
import { withRequestContext } from '../telemetry/requestContext.js';
import { type AcquisitionActor, type AcquisitionLimits, createAcquisitionActor } from './acquisitionActor.js';
import { CommandQueue } from './commandQueue.js';
import type { Components } from './components.js';
import { ConfigBook } from './configBook.js';
import { callBackend, clientsEnabled, disabledSections, enableClients, ofDetectors } from './directCalls.js';
import { EventLog } from './eventLog.js';
import { goOn } from './goOn.js';
import { forMany } from './inParallel.js';
import { Lease } from './lease.js';
import { leaseHolder, leaseReply } from './leaseCommands.js';
import { liveDetails, liveMetrics } from './liveQueries.js';
import { Memory } from './memory.js';
import { type PlanOptions, planAcquisition } from './planAcquisition.js';
import { type ImageShape, spaceNeeds } from './spaceNeeds.js';
import { cannotConfigure, cannotReset, cannotStart, notAtRest } from './stateErrors.js';
import { StatusReporter } from './statusReporter.js';
import type { Vocabulary } from './vocabulary.js';
import { lost, watchRun } from './watchRun.js';
import { Applied } from './work/applied.js';

export interface ControllerOptions {
  readonly components: Components;
  readonly limits: AcquisitionLimits & { readonly statusTimeoutMs: number };
  readonly vocabulary: Vocabulary;
  /** False: a reset is refused while an acquisition runs (kill is not). */
  readonly resetWhileRunning: boolean;
  readonly validator: AcquisitionValidator;
  readonly plan: Omit<PlanOptions, 'configOf' | 'runNumber'>;
  readonly runNumbers: RunNumbers;
  /** What is checked before anything is configured; images by pipeline name. */
  readonly space: {
    readonly images: Readonly<Record<string, ImageShape>>;
    readonly minimumFreeBytes: number;
  };
  readonly telemetry: Telemetry;
  readonly journal: Journal;
  /** What `/info` tells of the server itself. */
  readonly about: () => JsonObject;
}

/** Commands whose machine events jump the queue. */
const PREEMPTING: Readonly<Record<string, StandDown>> = {
  'acquisition.stop': 'stop',
  'acquisition.reset': 'reset',
  'acquisition.kill': 'kill',
};

/**
 * The integration: takes commands, gives them to the acquisition machine one at a time, and tells what the
 * machine and the components are doing. Holds no state of an acquisition of its own.
 */
export class IntegrationController implements Integration {
  readonly events = new EventLog();
  private readonly options: ControllerOptions;
  private readonly components: Components;
  private readonly actor: AcquisitionActor;
  private readonly queue = new CommandQueue();
  private readonly control = new Lease();
  private readonly book: ConfigBook;
  private readonly memory: Memory;
  private readonly closing = new AbortController();
  private readonly applied = new Applied();
  private readonly reporter: StatusReporter;
  private details: Promise<JsonObject> | null = null;
  private isEnding = false;

  constructor(options: ControllerOptions) {
    this.options = options;
    forMany(this.closing.signal);
    this.components = options.components;
    this.book = new ConfigBook(options.validator, options.telemetry.log);
    this.memory = new Memory({ ...options, book: this.book });
    this.actor = createAcquisitionActor(options.components, {
      limits: options.limits,
      telemetry: options.telemetry,
      applied: this.applied,
      restartsFromFinished: options.vocabulary === 'ready',
      record: (entry) => this.memory.record(entry),
    });
    this.reporter = new StatusReporter(this.actor, { ...options, events: this.events });
  }

  /** Connects to the components, begins to watch them, and goes on where the controller before left off. */
  async start(): Promise<void> {
    const { last } = this.options.journal;
    if (last !== null) this.book.restore(last);
    await this.components.start(last?.disabled);
    watchRun(this.actor, this.components, this.events, () => this.reporter.refresh());
    for (const component of this.components.all) {
      component.subscribe(() => {
        // Whoever was silent, or disabled, may have forgotten what it was configured with.
        if (!component.enabled || component.view().error !== null) this.applied.forget(component.name);
      });
    }
    this.actor.start();
    if (last !== null) {
      const resumed = await goOn(last, this.actor, this.options);
      if (resumed === 'configured') this.book.succeeded();
    }
    this.memory.recordRests(this.actor);
    this.reporter.refresh();
  }

  /**
   * Notes that the program at these addresses has ended. Its successor knows nothing of a run that goes on, and a
   * detector that was started anew looks like one that is done.
   */
  componentEnded(addresses: readonly string[]): void {
    for (const { name, enabled, address, observation } of this.components.all) {
      if (!enabled || !addresses.includes(address)) continue;
      const ended = new ComponentFailedError('component_lost', 'its program ended.', {
        operation: 'acquire',
        expected: 'a program that runs to the end of the acquisition',
        actual: 'it ended',
      });
      const error = lost(name, ended, observation?.report ?? null);
      this.actor.send({ type: 'component.lost', component: name, error });
    }
  }

  /** Ends a run that goes on, within its deadlines; no command is taken from then on. */
  async endRun(): Promise<void> {
    this.isEnding = true;
    const snapshot = this.actor.getSnapshot();
    if (snapshot.matches('initialized') || snapshot.matches({ error: 'settled' })) return;
    await this.standDown('stop').catch((error: unknown) => {
      const { message } = toDiaError(error);
      this.options.telemetry.log.error(`The acquisition could not be ended cleanly: ${message}`);
    });
  }

  /** Lets go of the components. */
  async close(): Promise<void> {
    // An orderly end leaves nothing to go on with.
    await this.memory.record({ phase: 'initialized' }).catch(() => undefined);
    this.closing.abort(shuttingDown());
    this.actor.stop();
    await this.components.stop();
  }

  execute(command: Command, context: CommandContext): Promise<Reply> {
    return withRequestContext({ requestId: context.requestId, client: context.client }, async () => {
      const { telemetry } = this.options;
      const startedAt = performance.now();
      const ms = () => Math.round((performance.now() - startedAt) * 100) / 100;
      try {
        if (this.isEnding) throw shuttingDown();
        const standDown = PREEMPTING[command.type];
        const reply =
          leaseReply(this.control, command, context.lease) ??
          (standDown === undefined
            ? await this.queue.run(() => this.serve(command, context))
            : await this.standDown(standDown));
        telemetry.audit({ kind: 'command', what: command.type, outcome: 'ok', ms: ms(), detail: command });
        return reply;
      } catch (thrown) {
        const error = toDiaError(thrown);
        const failure = `${error.code}: ${error.message}`;
        telemetry.audit({
          kind: 'command',
          what: command.type,
          outcome: 'error',
          ms: ms(),
          error: failure,
          detail: command,
        });
        if (error.code === 'internal') telemetry.log.error(error.message, { stack: error.stack });
        throw error;
      }
    });
  }

  status(): StatusReport {
    return this.reporter.spoken;
  }

  statusDetails(): Promise<JsonObject> {
    this.details ??= liveDetails(this.components, this.closing.signal).finally(() => {
      this.details = null;
    });
    return this.details;
  }

  config(): AcquisitionConfig {
    return this.book.last;
  }

  lease(): JsonObject | null {
    return leaseHolder(this.control);
  }

  overlay(pipeline: string): Record<string, Section> {
    return this.book.overlay(pipeline, this.pipelineNames());
  }

  clientsEnabled(): Record<string, boolean> {
    return clientsEnabled(this.components);
  }

  detectorValue(name: string, context: CommandContext): Promise<JsonValue> {
    return withRequestContext({ requestId: context.requestId, client: context.client }, () =>
      ofDetectors(this.components, (detector) =>
        detector.call('getValue', this.closing.signal, (adapter, options) => adapter.getValue(name, options)),
      ),
    );
  }

  metrics(): Promise<JsonObject> {
    return liveMetrics(this.components, this.closing.signal);
  }

  serverInfo(): JsonObject {
    const addresses = this.components.all.map((one) => [one.name, one.address] as const);
    return {
      clients: Object.fromEntries(addresses),
      clients_enabled: this.clientsEnabled(),
      last_config_successful: this.book.lastSuccessful,
      ...this.options.about(),
    };
  }

  async dryRun(body: JsonValue): Promise<JsonValue> {
    return this.book.dryRun(body, disabledSections(this.components), (config) =>
      this.plan(config, () => this.options.runNumbers.next()),
    );
  }

  /** Serves one queued command, judged in the state it finds. */
  private async serve(command: Command, { lease }: CommandContext): Promise<Reply> {
    await this.settled();
    // It may have been taken, or have ended, while the command waited.
    this.control.admit(lease);
    switch (command.type) {
      case 'acquisition.configure':
        return this.configure(command.config);
      case 'acquisition.update':
        return this.configure(this.book.merged(command.sections));
      case 'acquisition.reapply':
        return this.configure(this.book.last);
      case 'acquisition.start':
        return this.startRun(command);
      case 'components.enable':
        this.requireRest('change which components are enabled');
        await enableClients(this.components, command.enabled);
        await this.memory.recordSettings(this.actor);
        this.reporter.refresh();
        return { clients_enabled: this.clientsEnabled() };
      case 'detector.setValue':
        this.requireRest('set a detector value');
        return { value: await this.setDetectorValue(command.name, command.value) };
      case 'backend.call':
        for (const { backend } of this.components.pipelines) this.applied.forget(backend.name);
        return callBackend(this.components, command, this.closing.signal);
      case 'overlay.set':
        return this.changedOverlays(this.book.setOverlays(command.overlays, this.pipelineNames()));
      case 'overlay.clear':
        return this.changedOverlays(this.book.clearOverlay(command.pipeline, this.pipelineNames()));
      default:
        throw new Error(`No way to serve ${command.type}.`);
    }
  }

  private async changedOverlays(overlays: JsonObject): Promise<Reply> {
    await this.memory.recordSettings(this.actor);
    return { client_configuration: overlays };
  }

  private setDetectorValue(name: string, value: JsonValue): Promise<JsonValue> {
    return ofDetectors(this.components, (detector) => {
      this.applied.forget(detector.name);
      return detector.call('setValue', this.closing.signal, (adapter, options) =>
        adapter.setValue(name, value, options),
      );
    });
  }

  private async configure(config: AcquisitionConfig): Promise<Reply> {
    this.requireConfigurable(cannotConfigure);
    const plan = await this.plan(this.book.validated(config, disabledSections(this.components)));
    this.requireConfigurable(cannotConfigure);
    this.book.set(config);
    this.actor.send({ type: 'acquisition.configure', plan });
    await this.outcome('configured');
    this.book.succeeded();
    return { config: this.book.last };
  }

  private async startRun(command: Extract<Command, { type: 'acquisition.start' }>): Promise<Reply> {
    const { sections, triggerStart } = command;
    if (sections === null) {
      if (this.options.vocabulary === 'ready') throw startsWithoutConfig();
      if (this.reporter.current.status !== 'CONFIGURED') throw cannotStart(this.reporter.spoken);
      const { plan } = this.actor.getSnapshot().context;
      // The disk may have been filled since the config was applied.
      if (plan !== null) await this.checkSpace(plan);
      if (this.reporter.current.status !== 'CONFIGURED') throw cannotStart(this.reporter.spoken);
      this.actor.send({ type: 'acquisition.start', triggerStart });
    } else {
      this.requireConfigurable(cannotStart);
      const config =
        this.options.vocabulary === 'ready' ? (sections as AcquisitionConfig) : this.book.completed(sections);
      const plan = await this.plan(this.book.validated(config, disabledSections(this.components)));
      this.requireConfigurable(cannotStart);
      this.book.set(config);
      this.actor.send({ type: 'acquisition.start', plan, triggerStart });
    }
    await this.outcome('running');
    this.book.succeeded();
    return this.reporter.current.file === null ? {} : { file: this.reporter.current.file };
  }

  /** Ends whatever is under way; a stand-down that is under way already is joined, unless it comes to force. */
  private async standDown(how: StandDown): Promise<Reply> {
    const runs = this.actor.getSnapshot().hasTag('watched');
    if (how === 'reset' && runs && !this.options.resetWhileRunning) throw cannotReset(this.reporter.spoken);
    this.book.doubt();
    this.actor.send({ type: `acquisition.${how}` });
    await this.settled();
    const { error } = this.actor.getSnapshot().context;
    if (error !== null) throw error;
    return {};
  }

  private async plan(
    config: AcquisitionConfig,
    runNumber = () => this.options.runNumbers.take(),
  ): Promise<AcquisitionPlan> {
    const disabled = disabledSections(this.components);
    const plan = await planAcquisition(config, {
      ...this.options.plan,
      runNumber,
      configOf: (pipeline) => this.book.ofPipeline(config, pipeline, disabled),
    });
    await this.checkSpace(plan);
    return plan;
  }

  private checkSpace(plan: AcquisitionPlan): Promise<void> {
    const { images, minimumFreeBytes } = this.options.space;
    return checkFreeSpace(spaceNeeds(plan, images, this.components), minimumFreeBytes);
  }

  /** Waits until the machine is in no state that only leads to another. */
  private settled() {
    return this.waitFor((snapshot) => !snapshot.hasTag('transition'));
  }

  /** Waits for what a command came to: `target`, or the error that stood in its way. */
  private async outcome(target: 'configured' | 'running'): Promise<void> {
    const snapshot = await this.waitFor(
      (one) =>
        one.matches(target) ||
        one.matches({ error: 'settled' }) ||
        one.matches('resetting') ||
        one.matches('stopping'),
    );
    if (snapshot.matches(target)) return;
    if (snapshot.context.error !== null) throw snapshot.context.error;
    throw new WrongStateError('preempted', `Aborted by a ${snapshot.context.standDown}.`, {
      operation: target === 'running' ? 'start' : 'configure',
      hint: 'Another client (or you) sent stop, reset or kill meanwhile. Look at the status, then try again.',
    });
  }

  private waitFor(predicate: (snapshot: ReturnType<AcquisitionActor['getSnapshot']>) => boolean) {
    const { configureTimeoutMs, startTimeoutMs, stopTimeoutMs } = this.options.limits;
    return waitFor(this.actor, predicate, {
      timeout: configureTimeoutMs + startTimeoutMs + 2 * stopTimeoutMs,
      signal: this.closing.signal,
    });
  }

  private requireConfigurable(error: (present: StatusReport) => WrongStateError): void {
    const allowed = [
      'INITIALIZED',
      'CONFIGURED',
      ...(this.options.vocabulary === 'ready' ? ['FINISHED'] : []),
    ];
    if (!allowed.includes(this.reporter.current.status)) throw error(this.reporter.spoken);
  }

  private requireRest(attempt: string): void {
    const snapshot = this.actor.getSnapshot();
    if (snapshot.hasTag('watched') || snapshot.hasTag('transition'))
      throw notAtRest(this.reporter.spoken, attempt);
  }

  private pipelineNames(): string[] {
    return this.components.pipelines.map(({ name }) => name);
  }
}

const shuttingDown = () =>
  new WrongStateError('preempted', 'The controller is shutting down.', {
    hint: 'Start it again with `dia serve`.',
  });

const startsWithoutConfig = () =>
  new InvalidRequestError('invalid_body', 'Cannot start acquisition without providing the configuration', {
    operation: 'start',
    expected: 'the sections of the config in the body of start',
    actual: 'no config',
    hint: 'This deployment configures and starts in one call: POST /api/v1/start with writer, backend and detector.',
  });
