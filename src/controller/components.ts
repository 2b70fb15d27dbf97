import type { Backend } from '../contracts/backend.js';
import type { CallOptions, Observation } from '../contracts/component.js';
import type { Detector } from '../contracts/detector.js';
import type { Trigger } from '../contracts/trigger.js';
import type { Writer } from '../contracts/writer.js';
import type { Telemetry } from '../telemetry/logger.js';
import type { ComponentView, JudgedRole } from './interpretStatus.js';
import { Supervisor, type SupervisorLimits, type Watched } from './supervisor.js';

/** The adapters of a deployment, before anything watches them. */
export interface Adapters {
  readonly pipelines: readonly {
    readonly name: string;
    readonly detector: Detector;
    readonly backend: Backend;
    readonly writer: Writer;
    /** Names of roles that are disabled from the start. */
    readonly disabled: readonly string[];
  }[];
  readonly auxiliaryWriters: readonly { readonly name: string; readonly writer: Writer }[];
  readonly trigger: Trigger | null;
}

export interface Pipeline {
  readonly name: string;
  readonly detector: Supervisor<Detector>;
  readonly backend: Supervisor<Backend>;
  readonly writer: Supervisor<Writer>;
}

/** However many components there are, they are not looked at more often in all: the controller has other work. */
const MOST_LOOKS_HZ = 1_000;

const observeStatus = async (
  adapter: Detector | Backend | Trigger,
  options: CallOptions,
): Promise<Observation> => ({ status: await adapter.status(options) });

const observeWriter = async (writer: Writer, options: CallOptions): Promise<Observation> => {
  const report = await writer.report(options);
  return { status: report.status, report };
};

const observeWriterEnd = (writer: Writer, options: CallOptions): Promise<Observation> | null =>
  writer.untilEnded?.(options).then((report) => ({ status: report.status, report })) ?? null;

/** Limits of all components, and those of one role where they are others. */
export interface ComponentLimits extends SupervisorLimits {
  readonly roles?: Readonly<Record<string, Partial<SupervisorLimits>>>;
}

/** All components of a deployment, each under its supervisor. */
export class Components {
  readonly pipelines: readonly Pipeline[];
  readonly auxiliaryWriters: readonly Supervisor<Writer>[];
  readonly trigger: Supervisor<Trigger> | null;
  /** Every component, pipeline by pipeline. */
  readonly all: readonly Watched[];
  private readonly initiallyDisabled: ReadonlySet<string>;

  constructor(adapters: Adapters, limits: ComponentLimits, telemetry: Telemetry) {
    const single = adapters.pipelines.length === 1;
    const count = 3 * adapters.pipelines.length + adapters.auxiliaryWriters.length + 1;
    const common = (role: JudgedRole) => ({
      role,
      limits: { ...limits, ...limits.roles?.[role] },
      telemetry,
      shortestLookMs: (count * 1000) / MOST_LOOKS_HZ,
    });
    const nameOf = (pipeline: string, role: string) => (single ? role : `${pipeline}.${role}`);
    this.pipelines = adapters.pipelines.map(({ name, detector, backend, writer }) => ({
      name,
      detector: new Supervisor({
        ...common('detector'),
        name: nameOf(name, 'detector'),
        adapter: detector,
        observe: observeStatus,
      }),
      backend: new Supervisor({
        ...common('backend'),
        name: nameOf(name, 'backend'),
        adapter: backend,
        observe: observeStatus,
      }),
      writer: new Supervisor({
        ...common('writer'),
        name: nameOf(name, 'writer'),
        adapter: writer,
        observe: observeWriter,
        observeEnd: observeWriterEnd,
      }),
    }));
    this.auxiliaryWriters = adapters.auxiliaryWriters.map(
      ({ name, writer }) =>
        new Supervisor({
          ...common('auxiliary'),
          name,
          adapter: writer,
          observe: observeWriter,
          observeEnd: observeWriterEnd,
        }),
    );
    this.trigger =
      adapters.trigger === null
        ? null
        : new Supervisor({
            ...common('trigger'),
            name: 'trigger',
            adapter: adapters.trigger,
            observe: observeStatus,
          });
    this.all = [
      ...this.pipelines.flatMap(({ detector, backend, writer }): Watched[] => [detector, backend, writer]),
      ...this.auxiliaryWriters,
      ...(this.trigger === null ? [] : [this.trigger]),
    ];
    this.initiallyDisabled = new Set(
      adapters.pipelines.flatMap(({ name, disabled }) => disabled.map((role) => nameOf(name, role))),
    );
  }

  get writers(): readonly Supervisor<Writer>[] {
    return [...this.pipelines.map(({ writer }) => writer), ...this.auxiliaryWriters];
  }

  get pipelineNames(): string[] {
    return this.pipelines.map(({ name }) => name);
  }

  views(): ComponentView[] {
    return this.all.map((component) => component.view());
  }

  /** Begins to watch; `disabled` overrides what the deployment says. */
  async start(disabled?: readonly string[]): Promise<void> {
    const left = disabled === undefined ? this.initiallyDisabled : new Set(disabled);
    await Promise.all(this.all.map((one) => one.start(!left.has(one.name))));
  }

  /** Looks at all components afresh; waits until each has answered, or is known not to. */
  async look(statusTimeoutMs: number): Promise<void> {
    for (const one of this.all) one.look();
    await this.seen(2 * statusTimeoutMs);
  }

  /** Waits until every enabled component has answered, or is known not to; at most `timeoutMs`. */
  async seen(timeoutMs: number): Promise<void> {
    const isSeen = () =>
      this.views().every(({ enabled, status, error }) => !enabled || status !== null || error !== null);
    const leave: (() => void)[] = [];
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      leave.push(() => clearTimeout(timer));
      const look = () => {
        if (isSeen()) resolve();
      };
      for (const one of this.all) leave.push(one.subscribe(look));
      look();
    });
    for (const end of leave) end();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((one) => one.stop()));
  }
}
