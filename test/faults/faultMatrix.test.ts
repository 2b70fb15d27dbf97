import { expect } from 'chai';
import type { StatusAnswer } from '../../src/api/schemas.js';
import { DiaClientError } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { until } from '../support/calls.js';
import { FAULTS, type Fault } from '../support/faultProxy.js';
import {
  bootFaulty,
  type FaultyIntegration,
  LIMITS,
  ROLES,
  type Role,
} from '../support/faultProxyIntegration.js';
import { acquisition } from '../support/integration.js';

const PHASES = ['idle', 'configuring', 'starting', 'acquiring', 'draining', 'stopping', 'resetting'] as const;

type Phase = (typeof PHASES)[number];

interface Cell {
  readonly role: Role;
  readonly fault: Fault;
  readonly phase: Phase;
}

/** The request that a fault meets first, in the phases that a command begins: whose, and which. */
const FIRST: Readonly<Partial<Record<Phase, Readonly<Record<Role, readonly [Role, string]>>>>> = {
  configuring: {
    detector: ['detector', 'configure'],
    backend: ['backend', 'POST /v1/state/configure'],
    writer: ['writer', 'POST /configure'],
    auxiliary: ['auxiliary', 'POST /parameters'],
    // It has no parameters; it is looked at when the others have taken theirs.
    trigger: ['detector', 'configure'],
  },
  starting: {
    detector: ['detector', 'execute start'],
    backend: ['backend', 'POST /v1/state/open'],
    writer: ['writer', 'POST /start'],
    // The broker is armed since it has its parameters; it is looked at when all are started.
    auxiliary: ['writer', 'POST /start'],
    trigger: ['trigger', 'execute start_triggers'],
  },
  stopping: {
    detector: ['detector', 'execute stop'],
    backend: ['backend', 'POST /v1/state/close'],
    writer: ['writer', 'POST /stop'],
    auxiliary: ['auxiliary', 'GET /stop'],
    trigger: ['trigger', 'execute stop_triggers'],
  },
  resetting: {
    detector: ['detector', 'execute stop'],
    backend: ['backend', 'POST /v1/state/reset'],
    writer: ['writer', 'POST /reset'],
    auxiliary: ['auxiliary', 'GET /stop'],
    trigger: ['trigger', 'execute stop_triggers'],
  },
};

/** A word that each role must not say in a phase. */
const WRONG_WORDS: Readonly<Record<Role, { field: string } & Readonly<Record<Phase, string>>>> = {
  detector: {
    field: 'state',
    ...{ idle: 'running', configuring: 'running', starting: 'error', acquiring: 'error' },
    ...{ draining: 'running', stopping: 'running', resetting: 'running' },
  },
  backend: {
    field: 'global_state',
    ...{ idle: 'OPEN', configuring: 'INITIALIZED', starting: 'CONFIGURED', acquiring: 'CLOSED' },
    ...{ draining: 'ERROR', stopping: 'CLOSED', resetting: 'CONFIGURED' },
  },
  writer: {
    field: 'status',
    ...{ idle: 'receiving', configuring: 'writing', starting: 'configured', acquiring: 'configured' },
    ...{ draining: 'error', stopping: 'writing', resetting: 'configured' },
  },
  auxiliary: {
    field: 'status',
    ...{ idle: 'receiving', configuring: 'receiving', starting: 'error', acquiring: 'error' },
    ...{ draining: 'error', stopping: 'receiving', resetting: 'configured' },
  },
  trigger: {
    field: 'triggers',
    ...{ idle: 'error', configuring: 'error', starting: 'error', acquiring: 'error' },
    ...{ draining: 'error', stopping: 'error', resetting: 'error' },
  },
};

/** What a component is when it was told that the run is over. */
const TOLD: Readonly<Record<Role, readonly string[]>> = {
  detector: ['idle'],
  backend: ['INITIALIZED', 'CONFIGURED', 'CLOSED'],
  writer: ['stopped', 'finished'],
  auxiliary: ['stopped'],
  trigger: ['idle'],
};

/** Faults under which a component carries out what it is told all the same. */
const CARRIES_OUT: readonly Fault[] = ['slow', 'wrongState', 'cuts'];
const AT_REST = [
  'INITIALIZED',
  'CONFIGURED',
  'RUNNING',
  'DETECTOR_STOPPED',
  'BSREAD_STILL_RUNNING',
  'FINISHED',
  'ERROR',
];
/** What everything else than the components may take, on a busy machine. */
const MARGIN_MS = 3_000;
const FOREVER = 10_000;
const LANES = 2;

const ALL: readonly Cell[] = PHASES.flatMap((phase) =>
  ROLES.flatMap((role) => FAULTS.map((fault) => ({ role, fault, phase }))),
);

const config = (name: string, frames: number, periodS: number) => ({
  ...acquisition(`${name}.h5`, frames, periodS),
  bsread: {
    output_file: `${name}.BSREAD.h5`,
    user_id: 0,
    'general/created': 'today',
    'general/user': 'p0',
    'general/process': 'dia',
    'general/instrument': 'test',
  },
});

const word = ({ status }: { status: string }) => status.replace('IntegrationStatus.', '');

/** One run of the matrix's question: what becomes of the integration when this breaks now. */
class Trial {
  readonly #integration: FaultyIntegration;
  readonly #cell: Cell;
  readonly #name: string;
  /** Frames that the writer had when the fault struck. */
  #received = 0;

  constructor(integration: FaultyIntegration, cell: Cell) {
    this.#integration = integration;
    this.#cell = cell;
    this.#name = `${cell.role}-${cell.fault}-${cell.phase}`;
  }

  async run(): Promise<void> {
    const { fault, phase } = this.#cell;
    await this.#prepare();
    const refusal = await this.#command();
    if (fault === 'slow') await this.#unharmed(refusal);
    else await this.#harmed(refusal);
    await this.#recovers();
    if (phase !== 'idle' && fault !== 'slow') await this.#told(ROLES);
    await this.#framesAreOnDisk();
    await this.#worksAgain();
  }

  get #client() {
    return this.#integration.dia.client;
  }

  get #struck() {
    return this.#integration.components[this.#cell.role];
  }

  /** Brings the integration to where the phase begins. */
  async #prepare(): Promise<void> {
    switch (this.#cell.phase) {
      case 'idle':
      case 'configuring':
        return;
      case 'starting':
      case 'resetting':
        await this.#client.setConfig(config(this.#name, FOREVER, 0.005));
        return;
      case 'acquiring':
      case 'stopping':
        await this.#client.setConfig(config(this.#name, FOREVER, 0.005));
        await this.#client.start();
        await this.#status(({ progress }) => (progress?.written_frames ?? 0) > 2);
        return;
      case 'draining':
        await this.#client.setConfig(config(this.#name, 8, 0.005));
        await this.#client.setDetectorValue('frames', 5);
        await this.#client.start();
        await this.#status((status) => word(status) === 'DETECTOR_STOPPED');
    }
  }

  /** Lets the fault happen in its phase; answers what the command was refused with. */
  async #command(): Promise<DiaClientError | null> {
    const { phase, role } = this.#cell;
    const first = FIRST[phase]?.[role];
    if (first === undefined) {
      this.#received = (await this.#client.status()).progress?.received_frames ?? 0;
      this.#strike();
      return null;
    }
    const [whose, operation] = first;
    const { proxy } = this.#integration.components[whose];
    let isStruck = false;
    proxy.onOperation = (seen) => {
      if (isStruck || seen !== operation) return;
      isStruck = true;
      this.#strike();
    };
    if (phase === 'stopping') {
      this.#received = (await this.#client.status()).progress?.received_frames ?? 0;
    }
    const startedAt = performance.now();
    const command = {
      configuring: () => this.#client.setConfig(config(this.#name, FOREVER, 0.005)),
      starting: () => this.#client.start(),
      stopping: () => this.#client.stop(),
      resetting: () => this.#client.reset(),
    }[phase as 'configuring' | 'starting' | 'stopping' | 'resetting'];
    const refusal = await command().then(
      () => null,
      (error: DiaClientError) => error,
    );
    const tookMs = performance.now() - startedAt;
    proxy.onOperation = () => undefined;
    expect(isStruck, `${operation} was asked for`).to.equal(true);
    const ownMs = phase === 'configuring' ? LIMITS.configureTimeoutMs : LIMITS.startTimeoutMs;
    expect(tookMs, 'the command ends within its deadline').to.be.lessThan(
      ownMs + LIMITS.stopTimeoutMs + MARGIN_MS,
    );
    return refusal;
  }

  #strike(): void {
    const { role, fault, phase } = this.#cell;
    if (fault === 'dies') this.#struck.kill();
    this.#struck.proxy.strike(fault, { field: WRONG_WORDS[role].field, word: WRONG_WORDS[role][phase] });
  }

  /** A component that answers slowly is no fault: all goes its way. */
  async #unharmed(refusal: DiaClientError | null): Promise<void> {
    const { phase } = this.#cell;
    if (refusal !== null) throw refusal;
    const reached: Record<Phase, string> = {
      idle: 'INITIALIZED',
      configuring: 'CONFIGURED',
      starting: 'RUNNING',
      acquiring: 'RUNNING',
      // Three frames that were asked for never come.
      draining: 'ERROR',
      stopping: 'INITIALIZED',
      resetting: 'INITIALIZED',
    };
    if (phase === 'acquiring') {
      const { progress } = await this.#client.status();
      const written = progress?.written_frames ?? 0;
      await this.#status((now) => (now.progress?.written_frames ?? 0) > written + 2);
    }
    if (phase === 'idle') await this.#client.statusDetails();
    const status = phase === 'draining' ? await this.#settledError() : await this.#client.status();
    expect(word(status)).to.equal(reached[phase]);
    if (phase === 'draining')
      expect(status.error).to.include({ code: 'frames_missing', component: 'writer' });
  }

  /** Every other fault ends in ERROR, with the reason, and with all others told. */
  async #harmed(refusal: DiaClientError | null): Promise<void> {
    const { role, fault, phase } = this.#cell;
    const { name } = this.#struck;
    if (FIRST[phase] !== undefined) {
      expect(refusal, 'the command is refused').to.be.instanceOf(DiaClientError);
      this.#tellsAll('the answer', { ...refusal?.facts });
    }
    const status = await this.#settledError();
    this.#tellsAll('/status', { ...status.error });
    expect(status.error?.component, 'the component at fault').to.equal(name);
    if (phase === 'idle') return;
    const reachable = ROLES.filter((one) => one !== role || CARRIES_OUT.includes(fault));
    await this.#told(reachable);
  }

  /** An error that helps at night says where, what, and what next. */
  #tellsAll(where: string, facts: Record<string, unknown>): void {
    for (const field of ['component', 'operation', 'expected', 'actual', 'hint']) {
      expect(facts[field], `${field} in the error of ${where}: ${JSON.stringify(facts)}`).to.satisfy(
        (value: unknown) => value !== undefined && value !== null && value !== '',
      );
    }
  }

  async #told(roles: readonly Role[]): Promise<void> {
    for (const role of roles) {
      // A backend that says it is not open is not closed; no frame comes any more all the same.
      if (role === 'backend' && this.#cell.role === 'backend') continue;
      expect(TOLD[role], `what the ${role} was told`).to.include(
        await this.#integration.components[role].state(),
      );
    }
  }

  /** Without the fault, `reset` leads back; from idle it needs none. */
  async #recovers(): Promise<void> {
    const { fault, phase } = this.#cell;
    const { proxy, revive } = this.#struck;
    if (fault === 'dies') await revive();
    if (fault === 'returns') await proxy.back;
    else await proxy.clear();
    if (phase === 'idle') await this.#status((status) => word(status) === 'INITIALIZED');
    await this.#client.reset();
    expect(word(await this.#client.status())).to.equal('INITIALIZED');
  }

  async #framesAreOnDisk(): Promise<void> {
    if (this.#received === 0) return;
    const { role, fault } = this.#cell;
    const { framesWritten } = await verifyFile(this.#integration.dia.file(`${this.#name}.h5`));
    // What a writer has not flushed dies with it; its file can be read all the same.
    const least = role === 'writer' && fault === 'dies' ? 1 : this.#received;
    expect(framesWritten, 'frames on disk').to.be.at.least(least);
  }

  async #worksAgain(): Promise<void> {
    await this.#client.start({ sections: config(`${this.#name}-after`, 3, 0.002) });
    this.#integration.broker().stopPulse();
    await this.#client.waitForStatus('FINISHED', { timeoutMs: 5_000 });
    const { framesWritten } = await verifyFile(this.#integration.dia.file(`${this.#name}-after.h5`));
    expect(framesWritten).to.equal(3);
    await this.#client.reset();
  }

  /** A run with a silent component reports ERROR at once, and ends when the component counts as lost. */
  #settledError(): Promise<StatusAnswer> {
    const { phase, fault } = this.#cell;
    const untilLost = ['acquiring', 'draining'].includes(phase) && !['slow', 'wrongState'].includes(fault);
    return this.#status(
      (status) =>
        word(status) === 'ERROR' &&
        status.transition === undefined &&
        (!untilLost || status.error?.code === 'component_lost'),
    );
  }

  /** Looks until the status fits, and that it is always one of the table's. */
  #status(fits: (status: StatusAnswer) => boolean): Promise<StatusAnswer> {
    return until(
      async () => {
        const status = await this.#client.status();
        expect(AT_REST).to.include(word(status));
        return status;
      },
      fits,
      LIMITS.stopTimeoutMs + MARGIN_MS,
    );
  }
}

/** A cell on its way, and what it came to. */
class Case {
  readonly cell: Cell;
  readonly outcome: Promise<void>;
  tookMs = 0;
  hasPassed = false;
  #resolve: () => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor(cell: Cell) {
    this.cell = cell;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.outcome.catch(() => undefined);
  }

  /** Whether the integration may be used again. */
  async run(integration: FaultyIntegration): Promise<boolean> {
    const startedAt = performance.now();
    try {
      await new Trial(integration, this.cell).run();
      this.hasPassed = true;
      this.#resolve();
    } catch (error) {
      this.#reject(error);
    }
    this.tookMs = performance.now() - startedAt;
    return this.hasPassed;
  }

  fail(reason: unknown): void {
    this.#reject(reason);
  }
}

const WORDS: Readonly<Record<Fault, string>> = {
  refuses: 'refuses connections',
  hangs: 'hangs',
  slow: 'answers slowly',
  fails: 'answers with an error',
  garbage: 'answers garbage',
  wrongState: 'is in a wrong state',
  dies: 'dies',
  cuts: 'closes in mid-answer',
  returns: 'goes away and comes back',
};

describe('the fault matrix', function () {
  this.timeout(240_000);
  // A few cells by name, to look at them alone.
  const wanted = new RegExp(process.env.DIA_FAULT_CELLS ?? '');
  const cases = ALL.filter(({ role, fault, phase }) => wanted.test(`${role} ${fault} ${phase}`)).map(
    (cell) => new Case(cell),
  );
  const startedAt = performance.now();
  let lanes: Promise<void>[] = [];

  before(() => {
    const queue = [...cases];
    lanes = Array.from({ length: LANES }, async () => {
      let integration: FaultyIntegration | null = null;
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        try {
          integration ??= await bootFaulty();
        } catch (error) {
          next.fail(error);
          continue;
        }
        if (await next.run(integration)) continue;
        await integration.close();
        integration = null;
      }
      await integration?.close();
    });
  });

  after(async () => {
    await Promise.all(lanes);
    process.stdout.write(table(cases, performance.now() - startedAt));
  });

  for (const { cell, outcome } of cases) {
    it(`${cell.phase}: the ${cell.role} ${WORDS[cell.fault]}`, () => outcome);
  }
});

function table(cases: readonly Case[], tookMs: number): string {
  const rows = PHASES.flatMap((phase) =>
    ROLES.map((role) => {
      const marks = FAULTS.map((fault) => {
        const found = cases.find(
          ({ cell }) => cell.phase === phase && cell.role === role && cell.fault === fault,
        );
        return (found === undefined ? '-' : found.hasPassed ? 'ok' : 'FAILED').padEnd(11);
      });
      return `${phase.padEnd(12)}${role.padEnd(10)}${marks.join('')}`;
    }),
  );
  const head = `${''.padEnd(22)}${FAULTS.map((fault) => fault.padEnd(11)).join('')}`;
  const passed = cases.filter(({ hasPassed }) => hasPassed).length;
  const slowest = [...cases].sort((a, b) => b.tookMs - a.tookMs)[0];
  const sum = `${cases.length} cells, ${passed} passed, ${(tookMs / 1000).toFixed(0)} s; the slowest took ${slowest?.tookMs.toFixed(0)} ms`;
  return `\n${[head, ...rows, sum].join('\n')}\n`;
}
