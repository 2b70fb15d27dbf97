import { setTimeout as delay } from 'node:timers/promises';
import { Dealer, Router } from 'zeromq';
import { type Fault, FaultProxy, GARBAGE, SLOW_MS } from './faultProxy.js';

interface Message {
  readonly id: number;
  readonly msg_type: string;
  readonly msg_val: string;
  readonly params?: { readonly detector?: Record<string, unknown> };
}

/** A request that was passed on. */
interface Passed {
  readonly client: Buffer;
  readonly operation: string;
  readonly fault: Fault | null;
}

const LOOK_EVERY_MS = 2;

/**
 * A fault proxy before a component with odin-data's control protocol, for one client program. Its operations are
 * those of the protocol: `status`, `configure`, `execute start`.
 */
export class ZmqFaultProxy extends FaultProxy {
  readonly #upstream: Dealer;
  readonly #passed = new Map<number, Passed>();
  #front: Router | null = null;
  #endpoint = 'tcp://127.0.0.1:*';
  #isClosed = false;

  private constructor(upstream: string) {
    super();
    this.#upstream = new Dealer({ immediate: true, linger: 0, sendTimeout: 1_000, reconnectInterval: 10 });
    this.#upstream.connect(upstream);
    void this.#return();
  }

  static async open(upstream: string): Promise<ZmqFaultProxy> {
    const proxy = new ZmqFaultProxy(upstream);
    await proxy.appear();
    return proxy;
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.vanish();
    this.#upstream.close();
  }

  protected vanish(): void {
    const front = this.#front;
    this.#front = null;
    front?.close();
  }

  protected async appear(): Promise<void> {
    if (this.#front !== null) return;
    const front = new Router({ linger: 0, sendTimeout: 0 });
    this.#front = front;
    for (;;) {
      try {
        await front.bind(this.#endpoint);
        break;
      } catch (error) {
        // ZeroMQ closes the socket before in the background.
        if (!String(error).includes('in use')) throw error;
        await delay(LOOK_EVERY_MS);
        if (this.#isClosed || this.#front !== front) return;
      }
    }
    this.#endpoint = front.lastEndpoint ?? this.#endpoint;
    void this.#serve(front);
  }

  async #serve(front: Router): Promise<void> {
    try {
      for await (const [client, part] of front) {
        if (client !== undefined && part !== undefined) await this.#pass(front, client, part);
      }
    } catch {
      // The socket was closed while it waited.
    }
  }

  async #pass(front: Router, client: Buffer, part: Buffer): Promise<void> {
    const message = JSON.parse(part.toString('utf8')) as Message;
    const command = message.params?.detector?.command;
    const operation =
      message.msg_val === 'execute' && typeof command === 'string' ? `execute ${command}` : message.msg_val;
    this.onOperation(operation);
    const { fault } = this;
    if (this.isAbsent || fault === 'hangs') return;
    if (fault === 'garbage') return await front.send([client, GARBAGE]);
    if (fault === 'fails') {
      const nack = { ...message, msg_type: 'nack', params: { error: 'injected failure' } };
      return await front.send([client, JSON.stringify(nack)]);
    }
    this.#passed.set(message.id, { client, operation, fault });
    await this.#upstream.send(part).catch(() => undefined);
  }

  /** Takes the component's replies to whoever asked. */
  async #return(): Promise<void> {
    try {
      for await (const [part] of this.#upstream) {
        if (part !== undefined) void this.#answer(part).catch(() => undefined);
      }
    } catch {
      // The socket was closed while it waited.
    }
  }

  async #answer(part: Buffer): Promise<void> {
    const reply = JSON.parse(part.toString('utf8')) as Message;
    const passed = this.#passed.get(reply.id);
    this.#passed.delete(reply.id);
    if (passed === undefined) return;
    // Not after the fault is over: nobody would listen again.
    if (passed.fault === 'cuts' && this.fault === 'cuts') {
      this.vanish();
      await this.appear();
      return;
    }
    if (passed.fault === 'slow') await delay(SLOW_MS);
    const detector = reply.params?.detector;
    // Whatever it is asked: its answers to commands say where it is, too.
    if (passed.fault === 'wrongState' && detector && 'state' in detector) this.disguise(detector);
    await this.#front?.send([passed.client, JSON.stringify(reply)]);
  }
}
