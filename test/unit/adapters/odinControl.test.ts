import { connect } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { Router } from 'zeromq';
import { OdinControl } from '../../../src/adapters/transport/odinControl.js';
import { ComponentFailedError, ComponentSilentError } from '../../../src/contracts/errors.js';
import type { JsonObject } from '../../../src/contracts/json.js';
import { expectDiaError, thrownBy, until, within } from '../../support/calls.js';

/** What a component does with a message: replies with these texts, in any order and number. */
type Behaviour = (message: JsonObject, reply: (text: string) => Promise<void>) => Promise<void> | void;

const acknowledge = (message: JsonObject, params: JsonObject = {}) =>
  JSON.stringify({ msg_type: 'ack', msg_val: message.msg_val, id: message.id, params });

/** A component with a ROUTER socket that behaves as the test says. */
class Component {
  readonly received: JsonObject[] = [];
  readonly #socket = new Router({ linger: 0 });

  static async listen(behaviour: Behaviour, address = 'tcp://127.0.0.1:*'): Promise<Component> {
    const component = new Component();
    await component.#socket.bind(address);
    void component.#serve(behaviour);
    return component;
  }

  get endpoint(): string {
    return this.#socket.lastEndpoint ?? '';
  }

  /** Stops listening, then cuts the connections. */
  async vanish(): Promise<void> {
    await this.#socket.unbind(this.endpoint);
    this.close();
  }

  close(): void {
    if (!this.#socket.closed) this.#socket.close();
  }

  async #serve(behaviour: Behaviour): Promise<void> {
    for await (const [client, part] of this.#socket) {
      if (client === undefined || part === undefined) continue;
      const message = JSON.parse(part.toString());
      this.received.push(message);
      await behaviour(message, (text) => this.#socket.send([client, text]));
    }
  }
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    probe.on('error', () => resolve(true));
    probe.on('connect', () => {
      probe.destroy();
      resolve(false);
    });
  });
}

describe('odin control client', () => {
  let component: Component | null;
  let control: OdinControl | null;

  beforeEach(() => {
    component = null;
    control = null;
  });
  afterEach(async () => {
    await control?.close();
    component?.close();
  });

  async function against(behaviour: Behaviour): Promise<OdinControl> {
    component = await Component.listen(behaviour);
    return connectTo(component.endpoint);
  }

  async function connectTo(endpoint: string): Promise<OdinControl> {
    control = new OdinControl({ component: 'detector', endpoint });
    await control.connect();
    return control;
  }

  it('sends messages in the shape of odin-data', async () => {
    const odin = await against((message, reply) => reply(acknowledge(message)));
    await odin.request('configure', { detector: { frames: 1 } }, within());
    const [message] = component?.received ?? [];
    expect(message).to.include({ msg_type: 'cmd', msg_val: 'configure' });
    expect(message?.params).to.deep.equal({ detector: { frames: 1 } });
    expect(message?.id).to.be.a('number');
    expect(new Date(String(message?.timestamp)).toISOString()).to.equal(message?.timestamp);
  });

  it('gives every request its own reply, whatever the order they come in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 }),
        async (order) => {
          const held: { rank: number; send: () => Promise<void> }[] = [];
          const odin = await against(async (message, reply) => {
            const index = Number(message.msg_val);
            const params = { index };
            held.push({ rank: order[index] ?? 0, send: () => reply(acknowledge(message, params)) });
            if (held.length < order.length) return;
            for (const { send } of held.sort((a, b) => a.rank - b.rank)) await send();
          });
          const requests = order.map((_, index) => odin.request(String(index), {}, within()));
          const replies = await Promise.all(requests);
          await odin.close();
          component?.close();
          expect(replies).to.deep.equal(order.map((_, index) => ({ index })));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('reports a refusal in the words of the component', async () => {
    const odin = await against((message, reply) =>
      reply(
        JSON.stringify({ msg_type: 'nack', id: message.id, params: { error: 'frames must be positive' } }),
      ),
    );
    const refused = odin.request('configure', {}, within());
    const error = await expectDiaError(refused, ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('frames must be positive');
  });

  it('calls a reply that is neither ack nor nack a bad answer', async () => {
    const odin = await against((message, reply) =>
      reply(JSON.stringify({ msg_type: 'maybe', id: message.id })),
    );
    await expectDiaError(odin.request('status', {}, within()), ComponentFailedError, 'bad_answer');
  });

  it('gets its reply from among garbage, replies to others and late replies', async () => {
    const odin = await against(async (message, reply) => {
      if (message.msg_val === 'lost') return;
      for (const text of ['{', '[]', 'null', '{"msg_type":"ack"}', '{"msg_type":"ack","id":999999}']) {
        await reply(text);
      }
      await reply(acknowledge(message, { right: true }));
      await reply(acknowledge(message, { right: 'twice' }));
    });
    await expectDiaError(odin.request('lost', {}, within(50)), ComponentSilentError, 'component_timeout');
    for (let call = 0; call < 3; call++) {
      expect(await odin.request('status', {}, within())).to.deep.equal({ right: true });
    }
  });

  it('throws the reason of the abort while it waits for a reply', async () => {
    const odin = await against(() => undefined);
    const abort = new AbortController();
    const call = thrownBy(odin.request('start', {}, { signal: abort.signal, timeoutMs: 60_000 }));
    await until(
      () => component?.received.length,
      (count) => count === 1,
    );
    const reason = new Error('preempted');
    abort.abort(reason);
    expect(await call).to.equal(reason);
  });

  /** The address of a component that has ended. */
  async function deadEndpoint(): Promise<string> {
    const former = await Component.listen(() => undefined);
    const { endpoint } = former;
    former.close();
    // ZeroMQ goes on listening for a moment after the close.
    await until(
      () => isRefused(Number(new URL(endpoint).port)),
      (refused) => refused,
    );
    return endpoint;
  }

  it('ends requests to nobody in time, however many', async () => {
    const odin = await connectTo(await deadEndpoint());
    const beganMs = performance.now();
    const calls = Array.from({ length: 20 }, () => odin.request('start', {}, within(100)));
    for (const call of calls) await expectDiaError(call, ComponentSilentError, 'component_unreachable');
    expect(performance.now() - beganMs).to.be.below(1000);
  });

  it('does not deliver commands that were given up once the component is there', async () => {
    const endpoint = await deadEndpoint();
    const odin = await connectTo(endpoint);
    for (let call = 0; call < 3; call++) await thrownBy(odin.request('start', {}, within(30)));
    const abort = new AbortController();
    const aborted = thrownBy(odin.request('start', {}, { signal: abort.signal, timeoutMs: 60_000 }));
    abort.abort(new Error('preempted'));
    await aborted;
    component = await Component.listen((message, reply) => reply(acknowledge(message)), endpoint);
    await until(
      () => odin.request('status', {}, within(200)).catch(() => null),
      (reply) => reply !== null,
    );
    expect(component.received.map((message) => message.msg_val)).to.not.include('start');
  });

  it('reaches a component that was restarted at the same address', async () => {
    const behaviour: Behaviour = (message, reply) => reply(acknowledge(message));
    const odin = await against(behaviour);
    await odin.request('status', {}, within());
    const endpoint = component?.endpoint ?? '';
    component?.close();
    component = await until(
      () => Component.listen(behaviour, endpoint).catch(() => null),
      (listening) => listening !== null,
    );
    // The first one may still have gone to the component that was ending.
    const reply = await until(
      () => odin.request('status', {}, within()).catch(() => null),
      (answer) => answer !== null,
    );
    expect(reply).to.deep.equal({});
  });

  it('does not wait for the reply of a component that has gone', async () => {
    const odin = await against(() => component?.close());
    const beganMs = performance.now();
    const call = odin.request('status', {}, within(10_000));
    await expectDiaError(call, ComponentSilentError, 'component_unreachable');
    expect(performance.now() - beganMs).to.be.below(3000);
  });

  for (const [mayRepeat, times] of [
    [true, 3],
    [false, 1],
  ] as const) {
    it(`sends a request ${times === 1 ? 'once' : 'again'} whose connection was lost before the reply${mayRepeat ? ', when it may be repeated' : ''}`, async () => {
      let seen = 0;
      let back = Promise.resolve();
      const address = await deadEndpoint();
      const behaviour: Behaviour = (message, reply) => {
        seen++;
        if (seen === 3) return reply(acknowledge(message));
        // Gone from its address before the connection is cut: nobody may reach it while ZeroMQ still closes it.
        back = (component?.vanish() ?? Promise.resolve()).then(listen);
      };
      // ZeroMQ gives the address back a moment after the socket was closed.
      const listen = async () => {
        component = await until(
          () => Component.listen(behaviour, address).catch(() => null),
          (one) => one !== null,
        );
      };
      await listen();
      const odin = await connectTo(address);
      const call = odin.request('execute', { detector: { command: 'stop' } }, { ...within(), mayRepeat });
      if (mayRepeat) await call;
      else await expectDiaError(call, ComponentSilentError, 'component_unreachable');
      await back;
      expect(seen).to.equal(times);
    });
  }

  it('sends a command that waits for the component as soon as that is there, within its time', async () => {
    const endpoint = await deadEndpoint();
    const odin = await connectTo(endpoint);
    const waiting = odin.request('start', {}, within());
    component = await Component.listen((message, reply) => reply(acknowledge(message)), endpoint);
    await waiting;
    expect(component.received).to.have.lengthOf(1);
  });
});
