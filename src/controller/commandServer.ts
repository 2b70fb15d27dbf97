import { waitFor } from 'xstate';
import type { AcquisitionPlan, StandDown, StatusReport } from '../contracts/acquisition.js';
import { unlessAborted } from '../contracts/bounds.js';
import { type DiaError, InvalidRequestError, type WrongStateError } from '../contracts/errors.js';
import type { Command, Reply } from '../contracts/integration.js';
import type { AcquisitionConfig, JsonObject, JsonValue } from '../contracts/json.js';
import { checkFreeSpace } from '../files/freeSpace.js';
import type { PathLookups } from '../files/pathLookups.js';
import type { AcquisitionActor } from './acquisitionActor.js';
import { CommandQueue } from './commandQueue.js';
import type { Components } from './components.js';
import type { ConfigBook } from './configBook.js';
import type { ControllerOptions } from './controllerOptions.js';
import { callBackend, clientsEnabled, disabledSections, enableClients, ofDetectors } from './directCalls.js';
import { forMany } from './inParallel.js';
import type { Lease } from './lease.js';
import { leaseReply } from './leaseCommands.js';
import type { Memory } from './memory.js';
import { planAcquisition } from './planAcquisition.js';
import { spaceNeeds } from './spaceNeeds.js';
import { cannotConfigure, cannotReset, cannotStart, notAtRest, preempted } from './stateErrors.js';
import type { StatusReporter } from './statusReporter.js';
import type { Applied } from './work/applied.js';

/** What a command may use: the parts of the controller, which outlive it. */
export interface CommandSurroundings {
  readonly options: ControllerOptions;
  readonly actor: AcquisitionActor;
  readonly book: ConfigBook;
  readonly memory: Memory;
  readonly applied: Applied;
  readonly reporter: StatusReporter;
  readonly lease: Lease;
  /** Fires when the controller ends. */
  readonly closing: AbortSignal;
}

/** Commands whose machine events jump the queue. */
const PREEMPTING: Readonly<Record<string, StandDown>> = {
  'acquisition.stop': 'stop',
  'acquisition.reset': 'reset',
  'acquisition.kill': 'kill',
};

/**
 * Serves commands one at a time in order of arrival, each judged in the state it finds: gives them to the acquisition
 * machine, and waits for what they come to. Those that stand down jump the queue.
 */
export class CommandServer {
  private readonly own: CommandSurroundings;
  private readonly components: Components;
  private readonly queue = new CommandQueue();
  /** Fires when all commands that have come until now are to be given up. */
  private upToNow = new AbortController();

  constructor(surroundings: CommandSurroundings) {
    this.own = surroundings;
    this.components = surroundings.options.components;
    const { closing } = surroundings;
    closing.addEventListener('abort', () => this.giveUp(closing.reason), { once: true });
  }

  /** Carries out a command of a client, who says that it holds the lease `leaseId`. */
  async serve(command: Command, leaseId: string | undefined): Promise<Reply> {
    const standDown = PREEMPTING[command.type];
    const reply = leaseReply(this.own.lease, command, leaseId);
    if (reply !== null) return reply;
    if (standDown !== undefined) return this.standDown(standDown);
    const signal = forMany(this.upToNow.signal);
    return this.queue.run(() => this.inTurn(command, { leaseId, signal }));
  }

  /** Gives up every command that waits or is under way; those that come later are not concerned. */
  giveUp(reason: DiaError): void {
    this.upToNow.abort(reason);
    this.upToNow = new AbortController();
  }

  /** Ends whatever is under way; a stand-down that is under way already is joined, unless it comes to force. */
  async standDown(how: StandDown): Promise<Reply> {
    const { actor, book, memory, options, reporter } = this.own;
    const runs = actor.getSnapshot().hasTag('watched');
    if (how === 'reset' && runs && !options.resetWhileRunning) throw cannotReset(reporter.spoken);
    this.giveUp(preempted(how));
    book.doubt();
    actor.send({ type: `acquisition.${how}` });
    await this.settled();
    await memory.rested(options.limits.stopTimeoutMs);
    const { error } = actor.getSnapshot().context;
    if (error !== null) throw error;
    return {};
  }

  /** Says what a config would come to, and changes nothing. */
  dryRun(body: JsonValue): Promise<JsonValue> {
    return this.own.book.dryRun(body, disabledSections(this.components), (config) =>
      this.plan(config, () => this.own.options.runNumbers.next()),
    );
  }

  /** @param signal - Fires when a stand-down comes: from then on nothing of this command may be done any more. */
  private async inTurn(
    command: Command,
    { leaseId, signal }: { leaseId: string | undefined; signal: AbortSignal },
  ): Promise<Reply> {
    const { book, applied, memory, actor, reporter } = this.own;
    await this.settled(signal);
    signal.throwIfAborted();
    // It may have been taken, or have ended, while the command waited.
    this.own.lease.admit(leaseId);
    switch (command.type) {
      case 'acquisition.configure':
        return this.configure(command.config, signal);
      case 'acquisition.update':
        return this.configure(book.merged(command.sections), signal);
      case 'acquisition.reapply':
        return this.configure(book.last, signal);
      case 'acquisition.start':
        return this.startRun(command, signal);
      case 'components.enable':
        this.requireRest('change which components are enabled');
        await enableClients(this.components, command.enabled);
        await memory.recordSettings(actor, this.own.options.limits.stopTimeoutMs);
        reporter.refresh();
        return { clients_enabled: clientsEnabled(this.components) };
      case 'detector.setValue':
        this.requireRest('set a detector value');
        return { value: await this.setDetectorValue(command, signal) };
      case 'backend.call':
        for (const { backend } of this.components.pipelines) applied.forget(backend.name);
        return callBackend(this.components, command, signal);
      case 'overlay.set':
        return this.changedOverlays(book.setOverlays(command.overlays, this.components.pipelineNames));
      case 'overlay.clear':
        return this.changedOverlays(book.clearOverlay(command.pipeline, this.components.pipelineNames));
      default:
        throw new Error(`No way to serve ${command.type}.`);
    }
  }

  private async changedOverlays(overlays: JsonObject): Promise<Reply> {
    const { actor, memory, options } = this.own;
    await memory.recordSettings(actor, options.limits.stopTimeoutMs);
    return { client_configuration: overlays };
  }

  private setDetectorValue(
    { name, value }: Extract<Command, { type: 'detector.setValue' }>,
    signal: AbortSignal,
  ): Promise<JsonValue> {
    const { applied } = this.own;
    return ofDetectors(this.components, (detector) => {
      applied.forget(detector.name);
      return detector.call('setValue', signal, (adapter, options) => adapter.setValue(name, value, options));
    });
  }

  private async configure(config: AcquisitionConfig, signal: AbortSignal): Promise<Reply> {
    const { actor, book, memory, options } = this.own;
    this.requireConfigurable(cannotConfigure);
    const valid = book.validated(config, disabledSections(this.components));
    const plan = await unlessAborted(this.plan(valid), signal);
    signal.throwIfAborted();
    this.requireConfigurable(cannotConfigure);
    book.set(config);
    actor.send({ type: 'acquisition.configure', plan });
    await this.outcome('configured', signal);
    book.succeeded();
    await memory.rested(options.limits.stopTimeoutMs);
    return { config: book.last };
  }

  private async startRun(
    command: Extract<Command, { type: 'acquisition.start' }>,
    signal: AbortSignal,
  ): Promise<Reply> {
    const { actor, book, options, reporter } = this.own;
    const { sections, triggerStart } = command;
    if (sections === null) {
      if (options.vocabulary === 'ready') throw startsWithoutConfig();
      if (reporter.current.status !== 'CONFIGURED') throw cannotStart(reporter.spoken);
      const { plan } = actor.getSnapshot().context;
      // The disk may have been filled since the config was applied.
      if (plan !== null) await unlessAborted(this.checkSpace(plan, options.lookups()), signal);
      signal.throwIfAborted();
      if (reporter.current.status !== 'CONFIGURED') throw cannotStart(reporter.spoken);
      actor.send({ type: 'acquisition.start', triggerStart });
    } else {
      this.requireConfigurable(cannotStart);
      const config =
        options.vocabulary === 'ready' ? (sections as AcquisitionConfig) : book.completed(sections);
      const valid = book.validated(config, disabledSections(this.components));
      const plan = await unlessAborted(this.plan(valid), signal);
      signal.throwIfAborted();
      this.requireConfigurable(cannotStart);
      book.set(config);
      actor.send({ type: 'acquisition.start', plan, triggerStart });
    }
    await this.outcome('running', signal);
    book.succeeded();
    return reporter.current.file === null ? {} : { file: reporter.current.file };
  }

  private async plan(
    config: AcquisitionConfig,
    runNumber = () => this.own.options.runNumbers.take(),
  ): Promise<AcquisitionPlan> {
    const { book, options } = this.own;
    const disabled = disabledSections(this.components);
    const lookups = options.lookups();
    const plan = await planAcquisition(config, {
      ...options.plan,
      lookups,
      runNumber,
      configOf: (pipeline) => book.ofPipeline(config, pipeline, disabled),
    });
    await this.checkSpace(plan, lookups);
    return plan;
  }

  private checkSpace(plan: AcquisitionPlan, lookups: PathLookups): Promise<void> {
    const { images, minimumFreeBytes: reserveBytes } = this.own.options.space;
    return checkFreeSpace(spaceNeeds(plan, images, this.components), { reserveBytes, lookups });
  }

  /** Waits until the machine is in no state that only leads to another. */
  private settled(signal?: AbortSignal) {
    return this.waitFor((snapshot) => !snapshot.hasTag('transition'), signal);
  }

  /** Waits for what a command came to: `target`, or the error that stood in its way. */
  private async outcome(target: 'configured' | 'running', signal: AbortSignal): Promise<void> {
    const snapshot = await this.waitFor(
      (one) =>
        one.matches(target) ||
        one.matches({ error: 'settled' }) ||
        one.matches('resetting') ||
        one.matches('stopping'),
    );
    const { error } = snapshot.context;
    if (error !== null && !snapshot.matches(target)) throw error;
    signal.throwIfAborted();
  }

  private waitFor(
    predicate: (snapshot: ReturnType<AcquisitionActor['getSnapshot']>) => boolean,
    signal = this.own.closing,
  ) {
    const { actor, options } = this.own;
    const { configureTimeoutMs, startTimeoutMs, stopTimeoutMs } = options.limits;
    return waitFor(actor, predicate, {
      timeout: configureTimeoutMs + startTimeoutMs + 2 * stopTimeoutMs,
      signal,
    });
  }

  private requireConfigurable(error: (present: StatusReport) => WrongStateError): void {
    const { options, reporter } = this.own;
    const allowed = ['INITIALIZED', 'CONFIGURED', ...(options.vocabulary === 'ready' ? ['FINISHED'] : [])];
    if (!allowed.includes(reporter.current.status)) throw error(reporter.spoken);
  }

  private requireRest(attempt: string): void {
    const snapshot = this.own.actor.getSnapshot();
    if (snapshot.hasTag('watched') || snapshot.hasTag('transition'))
      throw notAtRest(this.own.reporter.spoken, attempt);
  }
}

const startsWithoutConfig = () =>
  new InvalidRequestError('invalid_body', 'Cannot start acquisition without providing the configuration', {
    operation: 'start',
    expected: 'the sections of the config in the body of start',
    actual: 'no config',
    hint: 'This deployment configures and starts in one call: POST /api/v1/start with writer, backend and detector.',
  });
