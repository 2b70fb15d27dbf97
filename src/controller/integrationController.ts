import type { StatusReport } from '../contracts/acquisition.js';
import { ComponentFailedError, toDiaError, WrongStateError } from '../contracts/errors.js';
import type { Command, CommandContext, Integration, Reply } from '../contracts/integration.js';
import type { AcquisitionConfig, JsonObject, JsonValue, Section } from '../contracts/json.js';
import { withRequestContext } from '../telemetry/requestContext.js';
import { type AcquisitionActor, createAcquisitionActor } from './acquisitionActor.js';
import { CommandServer } from './commandServer.js';
import type { Components } from './components.js';
import { ConfigBook } from './configBook.js';
import type { ControllerOptions } from './controllerOptions.js';
import { clientsEnabled, ofDetectors } from './directCalls.js';
import { EventLog } from './eventLog.js';
import { goOn } from './goOn.js';
import { forMany } from './inParallel.js';
import { Lease } from './lease.js';
import { leaseHolder } from './leaseCommands.js';
import { liveDetails, liveMetrics } from './liveQueries.js';
import { Memory } from './memory.js';
import { StatusReporter } from './statusReporter.js';
import { lost, watchRun } from './watchRun.js';
import { Applied } from './work/applied.js';

/**
 * The integration: takes commands, gives them to the acquisition machine one at a time, and tells what the
 * machine and the components are doing. Holds no state of an acquisition of its own.
 */
export class IntegrationController implements Integration {
  readonly events = new EventLog();
  private readonly options: ControllerOptions;
  private readonly components: Components;
  private readonly actor: AcquisitionActor;
  private readonly control = new Lease();
  private readonly book: ConfigBook;
  private readonly memory: Memory;
  private readonly closing = new AbortController();
  private readonly applied = new Applied();
  private readonly reporter: StatusReporter;
  private readonly commands: CommandServer;
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
      replaceProgram: options.replaceProgram,
    });
    this.reporter = new StatusReporter(this.actor, { ...options, events: this.events });
    this.commands = new CommandServer({
      options,
      actor: this.actor,
      book: this.book,
      memory: this.memory,
      applied: this.applied,
      reporter: this.reporter,
      lease: this.control,
      closing: this.closing.signal,
    });
  }

  /** Connects to the components, begins to watch them, and goes on where the controller before left off. */
  async start(): Promise<void> {
    const { last } = this.options.journal;
    if (last !== null) this.book.restore(last);
    await this.components.start(last?.disabled);
    watchRun(this.actor, this.components, this.events, this.reporter);
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
    this.reporter.begin();
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
    this.commands.giveUp(shuttingDown());
    const snapshot = this.actor.getSnapshot();
    if (snapshot.matches('initialized') || snapshot.matches({ error: 'settled' })) return;
    // Who is known to hang is given no more time than for a status.
    await this.components.look(this.options.limits.statusTimeoutMs);
    await this.commands.standDown('stop').catch((error: unknown) => {
      const { message } = toDiaError(error);
      this.options.telemetry.log.error(`The acquisition could not be ended cleanly: ${message}`);
    });
  }

  /** Lets go of the components. */
  async close(): Promise<void> {
    // An orderly end leaves nothing to go on with.
    await this.memory.recordEnd(this.options.limits.settleTimeoutMs);
    await this.leave();
  }

  /** Ends, and leaves the components as they are to the next controller, with what the journal says of them. */
  async leave(): Promise<void> {
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
        const reply = await this.commands.serve(command, context.lease);
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
    return this.book.overlay(pipeline, this.components.pipelineNames);
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

  dryRun(body: JsonValue): Promise<JsonValue> {
    return this.commands.dryRun(body);
  }
}

const shuttingDown = () =>
  new WrongStateError('preempted', 'The controller is shutting down.', {
    hint: 'Start it again with `dia serve`.',
  });
