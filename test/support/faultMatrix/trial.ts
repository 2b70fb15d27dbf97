import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { StatusAnswer } from '../../../src/api/schemas.js';
import { DiaClientError } from '../../../src/client/client.js';
import { verifyFile } from '../../../src/files/verifyFile.js';
import { until } from '../calls.js';
import { type FaultyIntegration, ROLES, type Role } from '../faultProxyIntegration.js';
import { acquisition } from '../integration.js';
import { CARRIES_OUT, type Cell, FIRST, type Phase, TOLD, WRONG_WORDS } from './cells.js';

/** The words of the table of states. */
const WORDS = [
  'INITIALIZED',
  'CONFIGURED',
  'RUNNING',
  'DETECTOR_STOPPED',
  'BSREAD_STILL_RUNNING',
  'FINISHED',
  'ERROR',
];
/** What everything else than the components may take, on a busy machine. */
const MARGIN_MS = 5_000;
const FOREVER = 10_000;
/** The status is looked at so often: more would cost more than what is looked at. */
const LOOK_EVERY_MS = 20;

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
export class Trial {
  readonly #integration: FaultyIntegration;
  readonly #cell: Cell;
  readonly #name: string;
  /** Frames that the writer had when the fault struck. */
  #received = 0;
  #written = 0;

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
        await this.#client.setConfig(config(this.#name, FOREVER, 0.01));
        return;
      case 'acquiring':
      case 'stopping':
        await this.#client.setConfig(config(this.#name, FOREVER, 0.01));
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
      await this.#countFrames();
      this.#strike();
      return null;
    }
    const [whose, operation] = first;
    const { proxy } = this.#integration.components[whose];
    // Those who watch ask the same; when they have just asked, the next to ask is the command.
    if (operation.endsWith('/status')) await proxy.next(operation);
    let isStruck = false;
    proxy.onOperation = (seen) => {
      if (isStruck || seen !== operation) return;
      isStruck = true;
      this.#strike();
    };
    if (phase === 'stopping') {
      await this.#countFrames();
    }
    const startedAt = performance.now();
    const command = {
      configuring: () => this.#client.setConfig(config(this.#name, FOREVER, 0.01)),
      starting: () => this.#client.start(),
      stopping: () => this.#client.stop(),
      resetting: () => this.#client.reset(),
    }[phase as 'configuring' | 'starting' | 'stopping' | 'resetting'];
    const refusal = await command().then(
      () => null,
      (error: DiaClientError) => error,
    );
    const tookMs = performance.now() - startedAt;
    this.#isStillAway('when the command ended');
    proxy.onOperation = () => undefined;
    expect(isStruck, `${operation} was asked for`).to.equal(true);
    const { configureTimeoutMs, startTimeoutMs, stopTimeoutMs } = this.#integration.deadlines;
    const ownMs = phase === 'configuring' ? configureTimeoutMs : startTimeoutMs;
    expect(tookMs, 'the command ends within its deadline').to.be.lessThan(ownMs + stopTimeoutMs + MARGIN_MS);
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
    this.#isStillAway('when the error had settled');
    const reachable = ROLES.filter((one) => one !== role || CARRIES_OUT.includes(fault));
    await this.#told(reachable);
  }

  /** What comes back by itself does so later than any deadline that its absence runs into. */
  #isStillAway(when: string): void {
    if (this.#cell.fault === 'returns') expect(this.#struck.proxy.isAbsent, `away ${when}`).to.equal(true);
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

  async #countFrames(): Promise<void> {
    const { progress } = await this.#client.status();
    this.#received = progress?.received_frames ?? 0;
    this.#written = progress?.written_frames ?? 0;
  }

  async #framesAreOnDisk(): Promise<void> {
    if (this.#received === 0) return;
    const { role, fault } = this.#cell;
    const { framesWritten } = await verifyFile(this.#integration.dia.file(`${this.#name}.h5`));
    // What a writer has not shown to readers yet dies with it.
    const least = role === 'writer' && fault === 'dies' ? this.#written : this.#received;
    expect(framesWritten, 'frames on disk').to.be.at.least(least);
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
        await delay(LOOK_EVERY_MS);
        const status = await this.#client.status();
        expect(WORDS).to.include(word(status));
        return status;
      },
      fits,
      this.#integration.deadlines.stopTimeoutMs + MARGIN_MS,
    );
  }
}

/** A whole acquisition, as any client would take it: what was broken before has left nothing behind. */
export async function takeAcquisition({ dia, broker }: FaultyIntegration): Promise<void> {
  await dia.client.start({ sections: config('afterwards', 3, 0.002) });
  broker().stopPulse();
  await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
  expect((await verifyFile(dia.file('afterwards.h5'))).framesWritten).to.equal(3);
}
