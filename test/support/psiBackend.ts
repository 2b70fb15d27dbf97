import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { backendRest } from '../../src/simulation/backendRest.js';
import { FrameRelay } from '../../src/simulation/frameRelay.js';
import { SimulatedBackend } from '../../src/simulation/simulatedBackend.js';

/** A simulated PSI backend in the test's own process. */
export class PsiBackend {
  /** What it was configured with, the last time last. */
  readonly settings: unknown[] = [];
  readonly url: string;
  /** ZeroMQ address at which a writer gets the frames. */
  readonly frames: string;
  readonly #server: Server;
  readonly #relay: FrameRelay;

  private constructor(server: Server, relay: FrameRelay, frames: string) {
    this.#server = server;
    this.#relay = relay;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.frames = frames;
  }

  /** @param framesFrom - ZeroMQ address of its detector. */
  static async open(framesFrom: string): Promise<PsiBackend> {
    const log = () => undefined;
    const relay = new FrameRelay({ framesFrom, modules: 1, log });
    const backend = new SimulatedBackend(relay);
    const configure = backend.configure.bind(backend);
    const server = backendRest(backend, log).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const opened = new PsiBackend(server, relay, await relay.bind('tcp://127.0.0.1:*'));
    backend.configure = (settings) => {
      opened.settings.push(settings);
      return configure(settings);
    };
    void relay.receive();
    return opened;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await this.#relay.shutDown();
  }
}
