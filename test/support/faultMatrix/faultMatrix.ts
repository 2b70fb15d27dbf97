import { DiaClientError } from '../../../src/client/client.js';
import { FAULTS, type Fault } from '../faultProxy.js';
import { bootFaulty, type FaultyIntegration, type Role } from '../faultProxyIntegration.js';
import { type Cell, PHASES } from './cells.js';
import { table } from './table.js';
import { Trial, takeAcquisition } from './trial.js';

/** Integrations side by side; a cell mostly waits for deadlines. */
const LANES = 2;

const WHAT: Readonly<Record<Fault, string>> = {
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

/** A cell on its way, and what it came to. */
export class Case {
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

  async run(integration: FaultyIntegration): Promise<void> {
    const startedAt = performance.now();
    try {
      await new Trial(integration, this.cell).run();
      this.hasPassed = true;
      this.#resolve();
    } catch (error) {
      this.#reject(withContext(error, integration));
    }
    this.tookMs = performance.now() - startedAt;
  }

  fail(reason: unknown): void {
    this.#reject(reason);
  }
}

/** What the integration says of itself, beside what a test found wrong. */
function withContext(error: unknown, { dia }: FaultyIntegration): unknown {
  if (!(error instanceof Error)) return error;
  const { hint } = error instanceof DiaClientError ? error.facts : {};
  error.message += `${hint === undefined ? '' : ` ${hint}`} (log: ${dia.folder})`;
  return error;
}

/** Takes cells until none is left; an integration is used again and again, unless a cell has failed on it. */
async function runLane(role: Role, queue: Case[]): Promise<void> {
  let integration: FaultyIntegration | null = null;
  try {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        integration ??= await bootFaulty(role);
      } catch (error) {
        next.fail(error);
        continue;
      }
      await next.run(integration);
      if (next.hasPassed) continue;
      await integration.close();
      integration = null;
    }
    if (integration !== null) await takeAcquisition(integration);
  } finally {
    await integration?.close();
  }
}

/** Breaks one component in every way, in every phase of an acquisition. */
export function describeFaults(role: Role): void {
  describe(`the fault matrix: the ${role}`, function () {
    this.timeout(280_000);
    // A few cells by name, to look at them alone.
    const wanted = new RegExp(process.env.DIA_FAULT_CELLS ?? '');
    const cases = FAULTS.flatMap((fault) => PHASES.map((phase) => ({ role, fault, phase })))
      .filter(({ fault, phase }) => wanted.test(`${role} ${fault} ${phase}`))
      .map((cell) => new Case(cell));
    const startedAt = performance.now();
    let lanes: Promise<PromiseSettledResult<void>[]>;

    before(() => {
      const queue = [...cases];
      lanes = Promise.allSettled(Array.from({ length: LANES }, () => runLane(role, queue)));
    });

    after(async () => {
      await lanes;
      process.stdout.write(table(role, cases, performance.now() - startedAt));
    });

    for (const { cell, outcome } of cases) {
      it(`${WHAT[cell.fault]} while ${cell.phase}`, () => outcome);
    }

    it('leaves nothing behind: an acquisition succeeds when all is over', async () => {
      for (const lane of await lanes) if (lane.status === 'rejected') throw lane.reason;
    });
  });
}
