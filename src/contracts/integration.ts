import type { StatusReport } from './acquisition.js';
import type { AcquisitionConfig, JsonObject, JsonValue, Section } from './json.js';

/** Who gave a command and how long it is waited for; reaches the log, the audit trail and the adapters. */
export interface CommandContext {
  readonly requestId: string;
  /** Address or name of who asked, for the audit trail. */
  readonly client: string;
  /** The lease that the client says it holds; undefined when it says nothing. */
  readonly lease?: string;
}

/** Everything that can be asked of the integration and may change it. */
export type Command =
  | { readonly type: 'acquisition.configure'; readonly config: AcquisitionConfig }
  | { readonly type: 'acquisition.update'; readonly sections: Record<string, Section> }
  | { readonly type: 'acquisition.reapply' }
  | {
      readonly type: 'acquisition.start';
      /** Sections given with the start: merged into the last config and applied first. */
      readonly sections: Record<string, Section> | null;
      /** False: everything is armed, and the trigger is left to others. */
      readonly triggerStart: boolean;
    }
  | { readonly type: 'acquisition.stop' }
  | { readonly type: 'acquisition.reset' }
  | { readonly type: 'acquisition.kill' }
  | { readonly type: 'components.enable'; readonly enabled: Record<string, boolean> }
  | { readonly type: 'detector.setValue'; readonly name: string; readonly value: JsonValue }
  | { readonly type: 'backend.call'; readonly action: string; readonly settings: Section | null }
  | { readonly type: 'overlay.set'; readonly overlays: Record<string, Record<string, Section>> }
  | { readonly type: 'overlay.clear'; readonly pipeline: string }
  | { readonly type: 'lease.take'; readonly owner: string; readonly seconds: number }
  | { readonly type: 'lease.release' };

/** What a command adds to the envelope: the names and values are those of the wire. */
export type Reply = JsonObject;

/** What went on, as it is streamed to clients. */
export interface IntegrationEvent {
  /** Grows by one per event within one life of the controller. */
  readonly id: number;
  /** `state`: the status changed; `component`: a component's status changed; `progress`: frames moved on. */
  readonly type: 'state' | 'component' | 'progress';
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly data: JsonObject;
}

/** The stream of events with a memory, so that a client can resume where it was cut off. */
export interface EventSource {
  /** Identifies this life of the controller; event ids of another life mean nothing. */
  readonly epoch: string;
  /** Events after `id`, oldest first; null when `id` is older than the memory reaches. */
  since(id: number): IntegrationEvent[] | null;
  /** Id of the newest event; 0 before the first. */
  readonly lastId: number;
  subscribe(listener: (event: IntegrationEvent) => void): () => void;
}

/** The integration as the REST API and the command line see it. */
export interface Integration {
  /** Carries out a command, one at a time in order of arrival; stop, reset and kill jump the queue. */
  execute(command: Command, context: CommandContext): Promise<Reply>;
  /** From memory, in constant time. */
  status(): StatusReport;
  /** Asks every component live, in parallel; simultaneous callers share one query. */
  statusDetails(): Promise<JsonObject>;
  /** The last config set, as given. */
  config(): AcquisitionConfig;
  clientsEnabled(): Record<string, boolean>;
  detectorValue(name: string, context: CommandContext): Promise<JsonValue>;
  metrics(): Promise<JsonObject>;
  /** `/info`: addresses of the components, what is enabled, version, uptime, deployment. */
  serverInfo(): JsonObject;
  /** The overlay of one pipeline, `{}` when there is none. */
  overlay(pipeline: string): Record<string, Section>;
  /** Validates without touching anything: `{valid, findings: [text], config}`; a body that is no config comes back as it is. */
  dryRun(body: JsonValue): Promise<JsonValue>;
  /** Who holds control: `{owner, remaining_s}`; null when nobody does. */
  lease(): JsonObject | null;
  readonly events: EventSource;
}
