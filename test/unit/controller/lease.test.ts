import { expect } from 'chai';
import fc from 'fast-check';
import { WrongStateError } from '../../../src/contracts/errors.js';
import { Lease } from '../../../src/controller/lease.js';
import { leaseReply } from '../../../src/controller/leaseCommands.js';

/** What should be: who holds it until when, in the simplest words. */
interface Model {
  holder: string | null;
  endsAtMs: number;
  nowMs: number;
}
interface Real {
  lease: Lease;
  clock: { nowMs: number };
  /** The ids that each client was ever given. */
  ids: Map<string, string>;
}

const CLIENTS = ['ann', 'bob', 'eve'];
const isHeld = (model: Model) => model.holder !== null && model.nowMs < model.endsAtMs;
const mayPass = (model: Model, client: string) => !isHeld(model) || model.holder === client;

const refusal = (work: () => unknown): string | null => {
  try {
    work();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof WrongStateError)) throw thrown;
    expect(thrown.code).to.equal('lease_held');
    return thrown.message;
  }
};

class Take implements fc.Command<Model, Real> {
  constructor(
    readonly client: string,
    readonly seconds: number,
  ) {}
  check = () => true;
  run(model: Model, { lease, ids }: Real): void {
    const allowed = mayPass(model, this.client);
    const refused = refusal(() => {
      const taken = lease.take({ owner: this.client, seconds: this.seconds }, ids.get(this.client));
      // Renewing keeps the id; an id of a lease that ended is never given again.
      if (isHeld(model)) expect(taken.id).to.equal(ids.get(this.client));
      else expect([...ids.values()]).not.to.include(taken.id);
      ids.set(this.client, taken.id);
    });
    expect(refused === null).to.equal(allowed);
    if (allowed) Object.assign(model, { holder: this.client, endsAtMs: model.nowMs + this.seconds * 1000 });
  }
  toString = () => `${this.client} takes ${this.seconds} s`;
}

class Release implements fc.Command<Model, Real> {
  constructor(readonly client: string) {}
  check = () => true;
  run(model: Model, { lease, ids }: Real): void {
    const allowed = mayPass(model, this.client);
    expect(refusal(() => lease.release(ids.get(this.client))) === null).to.equal(allowed);
    if (allowed) model.holder = null;
  }
  toString = () => `${this.client} releases`;
}

class Act implements fc.Command<Model, Real> {
  constructor(
    readonly client: string,
    readonly knowsLeases: boolean,
  ) {}
  check = () => true;
  run(model: Model, { lease, ids }: Real): void {
    const id = this.knowsLeases ? ids.get(this.client) : undefined;
    const allowed = !isHeld(model) || (this.knowsLeases && model.holder === this.client);
    const refused = refusal(() => leaseReply(lease, { type: 'acquisition.stop' }, id));
    expect(refused === null).to.equal(allowed);
    if (refused !== null) {
      const seconds = Math.ceil((model.endsAtMs - model.nowMs) / 1000);
      expect(refused).to.include(`${model.holder} holds control for ${seconds} more s`);
    }
    expect(refusal(() => leaseReply(lease, { type: 'acquisition.kill' }, id))).to.equal(null);
  }
  toString = () => `${this.client} acts`;
}

class Pass implements fc.Command<Model, Real> {
  constructor(readonly ms: number) {}
  check = () => true;
  run(model: Model, { lease, clock }: Real): void {
    model.nowMs += this.ms;
    clock.nowMs += this.ms;
    const view = lease.view();
    expect(view?.owner ?? null).to.equal(isHeld(model) ? model.holder : null);
    if (view !== null) expect(view.remainingS).to.be.closeTo((model.endsAtMs - model.nowMs) / 1000, 1e-6);
  }
  toString = () => `${this.ms} ms pass`;
}

describe('Lease', () => {
  it('is held by one client at a time, admits nobody else but kill, and ends by itself', () => {
    const client = fc.constantFrom(...CLIENTS);
    const commands = fc.commands(
      [
        fc.tuple(client, fc.integer({ min: 1, max: 5 })).map(([one, seconds]) => new Take(one, seconds)),
        client.map((one) => new Release(one)),
        fc.tuple(client, fc.boolean()).map(([one, knows]) => new Act(one, knows)),
        fc.integer({ min: 1, max: 3000 }).map((ms) => new Pass(ms)),
      ],
      { maxCommands: 60 },
    );
    const property = fc.property(commands, (sequence) => {
      const clock = { nowMs: 1_000 };
      let count = 0;
      const newId = () => {
        count += 1;
        return `id-${count}`;
      };
      fc.modelRun(
        () => ({
          model: { holder: null, endsAtMs: 0, nowMs: clock.nowMs },
          real: { lease: new Lease({ nowMs: () => clock.nowMs, newId }), clock, ids: new Map() },
        }),
        sequence,
      );
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('gives out ids that cannot be guessed, and shows them to nobody else', () => {
    const lease = new Lease();
    const { id } = lease.take({ owner: 'ann', seconds: 10 });
    expect(id).to.match(/^[\w-]{24}$/);
    expect(JSON.stringify(lease.view())).not.to.include(id);
    expect(refusal(() => lease.admit('guess'))).not.to.include(id);
  });
});
