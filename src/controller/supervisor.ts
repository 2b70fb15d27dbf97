import { type Actor, createActor, type SnapshotFrom } from 'xstate';
import { componentMachine } from '../../machines/component.machine.js';
import type { CallOptions, Component, Observation } from '../contracts/component.js';
import { type DiaError, toDiaError, WrongStateError } from '../contracts/errors.js';
import type { Telemetry } from '../telemetry/logger.js';
import type { ComponentView, JudgedRole } from './interpretStatus.js';
import { LookSchedule } from './lookSchedule.js';
import { watch } from './watch.js';

/** How often a component is looked at: `running` fast, `idle` slowly. */
export type Pace = 'running' | 'idle';

export interface SupervisorLimits {
  readonly callTimeoutMs: number;
  readonly statusTimeoutMs: number;
  readonly lostAfterMs: number;
  readonly pollRunningMs: number;
  readonly pollIdleMs: number;
}

export interface SupervisorOptions<A extends Component> {
  /** As it stands in errors, logs and `status_details`. */
  readonly name: string;
  readonly role: JudgedRole;
  readonly adapter: A;
  /** Asks the adapter for its status, whatever the role calls it. */
  readonly observe: (adapter: A, options: CallOptions) => Promise<Observation>;
  /** Has the adapter say when a run has ended, if it can. */
  readonly observeEnd?: (adapter: A, options: CallOptions) => Promise<Observation> | null;
  readonly limits: SupervisorLimits;
  /** Least time from an answer to the next look, unless a change is expected just then. */
  readonly shortestLookMs: number;
  readonly telemetry: Telemetry;
}

/** What a supervisor tells those who listen. */
export interface SupervisorChange {
  /** A new answer of the component; null when only its health changed. */
  readonly observation: Observation | null;
  /** Set once the component has been silent for too long. */
  readonly lost: DiaError | null;
}

/**
 * One component of the deployment: its adapter, the machine that watches it, and the only road by which the
 * controller calls it. Every call is bounded, audited, and refused while the component is disabled.
 */
export class Supervisor<A extends Component = Component> {
  readonly name: string;
  readonly role: JudgedRole;
  readonly adapter: A;
  private readonly options: SupervisorOptions<A>;
  private readonly actor: Actor<typeof componentMachine>;
  private readonly listeners = new Set<(change: SupervisorChange) => void>();
  private readonly schedule: LookSchedule;
  private pace: Pace = 'idle';
  private commandsUnderWay = 0;
  private lastLookMs = Number.NEGATIVE_INFINITY;
  /** The error that was known when that look began. */
  private doubtedError: DiaError | null = null;
  /** Worked out once for what the machine knows: with many components each is looked up many times. */
  private known: { readonly snapshot: unknown; readonly view: ComponentView } | null = null;
  /** Set while the pause is to be worked out anew. */
  private reconsidering: NodeJS.Immediate | null = null;
  /** Aborted when it no longer matters what the component says of the end of its run. */
  private following: AbortController | null = null;

  constructor(options: SupervisorOptions<A>) {
    this.options = options;
    this.name = options.name;
    this.role = options.role;
    this.adapter = options.adapter;
    const { limits } = options;
    this.schedule = new LookSchedule(options.shortestLookMs);
    const machine = componentMachine.provide({
      actors: { watch: watch({ ask: (signal) => this.query(signal), pauseMs: () => this.pauseMs() }) },
      delays: { lostAfter: limits.lostAfterMs },
    });
    this.actor = createActor(machine);
  }

  /** Connects the adapter and begins to watch, unless the component is disabled. */
  async start(enabled: boolean): Promise<void> {
    await this.adapter.connect();
    let seen: Observation | null = null;
    let health = '';
    this.actor.subscribe((snapshot) => {
      const { observation, error } = snapshot.context;
      const fresh = observation !== null && observation !== seen ? observation : null;
      const lost = snapshot.matches({ enabled: { notResponding: 'lost' } });
      const now = healthOf(snapshot.value);
      // That a question was asked, or a pause began, is nobody's business.
      if (observation === seen && now === health) return;
      seen = observation;
      health = now;
      this.notify({ observation: fresh, lost: lost ? error : null });
    });
    this.actor.start();
    if (enabled) this.enable();
  }

  async stop(): Promise<void> {
    this.followNoMore();
    if (this.reconsidering !== null) clearImmediate(this.reconsidering);
    this.actor.stop();
    this.listeners.clear();
    await this.adapter.disconnect();
  }

  subscribe(listener: (change: SupervisorChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Where the component is reached, for people. */
  get address(): string {
    return this.adapter.address;
  }

  get enabled(): boolean {
    return this.view().enabled;
  }

  get observation(): Observation | null {
    return this.actor.getSnapshot().context.observation;
  }

  /** Its word as it was last seen; null while that may be out of date, or it is just being told something. */
  get settledStatus(): string | null {
    return this.commandsUnderWay > 0 ? null : (this.observation?.status ?? null);
  }

  view(): ComponentView {
    const snapshot = this.actor.getSnapshot();
    if (this.known?.snapshot !== snapshot) {
      const { observation, error } = snapshot.context;
      const enabled = snapshot.matches('enabled');
      const view = { name: this.name, role: this.role, enabled, status: observation?.status ?? null, error };
      this.known = { snapshot, view };
    }
    return this.known.view;
  }

  enable(): void {
    this.actor.send({ type: 'component.enable' });
  }

  disable(): void {
    this.followNoMore();
    this.actor.send({ type: 'component.disable' });
  }

  /** How often it is looked at; a faster pace counts at once. */
  setPace(pace: Pace): void {
    if (pace === this.pace) return;
    this.pace = pace;
    // The pause that goes on may be one of the slow pace.
    if (pace === 'running') this.reconsider();
  }

  /** Works out anew when to look next, once for all that is told of it in this turn, and after the answers to commands. */
  private reconsider(): void {
    this.reconsidering ??= setImmediate(() => {
      this.reconsidering = null;
      this.actor.send({ type: 'component.expect' });
    });
  }

  /** Doubts what was seen, drops an answer under way, and looks again at once. */
  look(): void {
    this.lastLookMs = performance.now();
    this.doubtedError = this.view().error;
    this.actor.send({ type: 'component.look' });
  }

  private believe(observation: Observation): void {
    this.lastLookMs = performance.now();
    this.actor.send({ type: 'component.told', observation });
  }

  /** Why it does not answer, as found by a look after the last that doubted what was seen before; null until then. */
  get freshError(): DiaError | null {
    const { error } = this.view();
    return error === this.doubtedError ? null : error;
  }

  /** When it began the last look that doubted what was seen before, on the clock of `performance.now`. */
  get lookedAtMs(): number {
    return this.lastLookMs;
  }

  /**
   * Says when the component is expected to change by itself, so that it is looked at just then and not a poll later; in place of
   * what was expected before.
   */
  expectChange(atMs: readonly number[]): void {
    if (atMs.length === 0 && this.schedule.isEmpty) return;
    this.schedule.expect(atMs);
    this.reconsider();
  }

  /** Has the component say by itself when its run has ended, where it can. It is watched all the same. */
  followEnd(): void {
    this.followNoMore();
    const following = new AbortController();
    const { signal } = following;
    const { observeEnd, limits } = this.options;
    const told = this.enabled
      ? observeEnd?.(this.adapter, { signal, timeoutMs: limits.callTimeoutMs })
      : null;
    if (told == null) return;
    this.following = following;
    const end = (observation: Observation | null) => {
      if (this.following !== following) return;
      this.following = null;
      if (observation === null) {
        // What was expected of it is looked for again.
        this.reconsider();
        return;
      }
      // It has come.
      this.schedule.expect([]);
      this.believe(observation);
    };
    told.then(end, () => end(null));
  }

  private followNoMore(): void {
    this.following?.abort(new Error('Something else was asked of the component meanwhile.'));
    this.following = null;
  }

  /**
   * Calls the component to change something, and looks at once at what came of it, unless the answer itself says where
   * the component is now.
   */
  async command<T>(
    operation: string,
    signal: AbortSignal,
    action: (adapter: A, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    // Where it was before this is known no more.
    this.followNoMore();
    this.commandsUnderWay += 1;
    let told: Observation | null = null;
    const onState = (observation: Observation) => {
      told = observation;
    };
    try {
      return await this.call(operation, signal, (adapter, options) =>
        action(adapter, { ...options, onState }),
      );
    } catch (error) {
      told = null;
      throw error;
    } finally {
      this.commandsUnderWay -= 1;
      if (told === null) this.look();
      else this.believe(told);
    }
  }

  /**
   * Calls the component for `operation`, within the call timeout and the caller's signal. A component that is
   * known not to answer gets no more than the status timeout, so that it does not hold up the others.
   */
  async call<T>(
    operation: string,
    signal: AbortSignal,
    action: (adapter: A, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    if (!this.enabled) {
      throw new WrongStateError('component_disabled', `The ${this.name} is disabled.`, {
        component: this.name,
        operation,
        hint: `Enable it with POST /api/v1/enabled_clients {"${this.name}": true}.`,
      });
    }
    const { callTimeoutMs, statusTimeoutMs } = this.options.limits;
    const timeoutMs = this.view().error === null ? callTimeoutMs : statusTimeoutMs;
    const startedAt = performance.now();
    const what = `${this.name}.${operation}`;
    const ms = () => Math.round((performance.now() - startedAt) * 100) / 100;
    try {
      signal.throwIfAborted();
      const result = await action(this.adapter, { signal, timeoutMs });
      this.options.telemetry.audit({ kind: 'call', what, outcome: 'ok', ms: ms() });
      return result;
    } catch (thrown) {
      const outcome = signal.aborted ? 'aborted' : 'error';
      const error = toDiaError(thrown);
      this.options.telemetry.audit({
        kind: 'call',
        what,
        outcome,
        ms: ms(),
        error: `${error.code}: ${error.message}`,
      });
      throw error;
    }
  }

  /** Asks the component now, beside the watching; what it says is not remembered. */
  query(signal: AbortSignal): Promise<Observation> {
    const { observe, limits } = this.options;
    return observe(this.adapter, { signal, timeoutMs: limits.statusTimeoutMs }).catch((thrown) => {
      throw toDiaError(thrown);
    });
  }

  private pauseMs(): number {
    const { pollRunningMs, pollIdleMs } = this.options.limits;
    const pollMs = this.pace === 'running' ? pollRunningMs : pollIdleMs;
    // One that says by itself when it is done is only asked how far it is.
    return this.following === null ? this.schedule.nextLookMs(pollMs) : pollMs;
  }

  private notify(change: SupervisorChange): void {
    for (const listener of this.listeners) listener(change);
  }
}

function healthOf(state: SnapshotFrom<typeof componentMachine>['value']): string {
  if (typeof state === 'string') return state;
  return typeof state.enabled === 'string' ? state.enabled : state.enabled.notResponding;
}

/** A supervisor of any role, to watch and to switch on or off. */
export type Watched = Omit<Supervisor, 'adapter' | 'call' | 'command'>;
