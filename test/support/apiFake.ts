import type { StatusReport } from '../../src/contracts/acquisition.js';
import type {
  Command,
  CommandContext,
  EventSource,
  Integration,
  IntegrationEvent,
  Reply,
} from '../../src/contracts/integration.js';
import type { AcquisitionConfig, JsonObject, JsonValue, Section } from '../../src/contracts/json.js';

/** Events in memory, with a memory as short as a test wants it. */
export class FakeEvents implements EventSource {
  readonly epoch: string;
  readonly #remembered: IntegrationEvent[] = [];
  readonly #listeners = new Set<(event: IntegrationEvent) => void>();
  readonly #memory: number;
  lastId = 0;

  constructor(options: { epoch?: string; memory?: number } = {}) {
    this.epoch = options.epoch ?? 'life-1';
    this.#memory = options.memory ?? 100;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  since(id: number): IntegrationEvent[] | null {
    const oldest = this.#remembered[0]?.id ?? this.lastId + 1;
    if (id < oldest - 1) return null;
    return this.#remembered.filter((event) => event.id > id);
  }

  subscribe(listener: (event: IntegrationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(type: IntegrationEvent['type'], data: JsonObject): void {
    this.lastId += 1;
    const event = { id: this.lastId, type, time: '2025-01-02T03:04:05.678Z', data };
    this.#remembered.push(event);
    if (this.#remembered.length > this.#memory) this.#remembered.shift();
    for (const listener of this.#listeners) listener(event);
  }
}

/** An integration in memory: records commands, answers what a test says. */
export class FakeIntegration implements Integration {
  readonly events: FakeEvents;
  readonly executed: { command: Command; context: CommandContext }[] = [];
  report: StatusReport = {
    notice: null,
    status: 'INITIALIZED',
    transition: null,
    error: null,
    file: null,
    progress: null,
  };
  lastConfig: AcquisitionConfig = { writer: {}, backend: {}, detector: {} };
  /** What a command does; by default it answers what the wire asks for. */
  onExecute: (command: Command) => Reply | Promise<Reply> = (command) => this.reply(command);

  constructor(events: FakeEvents = new FakeEvents()) {
    this.events = events;
  }

  async execute(command: Command, context: CommandContext): Promise<Reply> {
    this.executed.push({ command, context });
    return this.onExecute(command);
  }

  /** Changes the status as the controller does, with its event. */
  become(change: Partial<StatusReport>): void {
    this.report = { ...this.report, ...change };
    const { status, transition, file, error } = this.report;
    this.events.add('state', {
      status: `IntegrationStatus.${status}`,
      transition,
      file,
      ...(error === null ? {} : { details: error.message }),
    });
  }

  status(): StatusReport {
    return this.report;
  }

  async statusDetails(): Promise<JsonObject> {
    return { writer: 'stopped', backend: 'INITIALIZED', detector: 'idle' };
  }

  config(): AcquisitionConfig {
    return this.lastConfig;
  }

  clientsEnabled(): Record<string, boolean> {
    return { writer: true, backend: true, detector: true };
  }

  async detectorValue(name: string): Promise<JsonValue> {
    return `value of ${name}`;
  }

  async metrics(): Promise<JsonObject> {
    return { writer: { n_written_frames: 7 }, backend: {}, detector: {} };
  }

  serverInfo(): JsonObject {
    return {
      clients: { detector: 'tcp://127.0.0.1:5000' },
      clients_enabled: this.clientsEnabled(),
      last_config_successful: false,
      validator: 'config.schema.json',
      uptime_s: 1.5,
      deployment: 'fake',
      version: '0.1.0',
    };
  }

  lease(): JsonObject | null {
    return null;
  }

  overlay(pipeline: string): Record<string, Section> {
    return { detector: { pipeline } };
  }

  async dryRun(body: JsonValue): Promise<JsonValue> {
    return body;
  }

  private reply(command: Command): Reply {
    switch (command.type) {
      case 'acquisition.configure':
      case 'acquisition.update':
      case 'acquisition.reapply':
        return { config: this.lastConfig };
      case 'acquisition.start':
        return { file: '/data/run_001.h5' };
      case 'components.enable':
        return { clients_enabled: command.enabled };
      case 'detector.setValue':
        return { value: command.value };
      case 'backend.call':
        return command.action === 'config' ? { config: command.settings ?? {} } : { value: null };
      case 'overlay.set':
        return { client_configuration: command.overlays };
      case 'lease.take':
        return { lease: { id: 'secret', owner: command.owner, remaining_s: command.seconds } };
      case 'lease.release':
        return { lease: null };
      case 'overlay.clear':
        return { client_configuration: {} };
      default:
        return {};
    }
  }
}
