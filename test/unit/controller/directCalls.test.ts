import { expect } from 'chai';
import { createDetector, createWriter } from '../../../src/adapters/registry.js';
import type { Backend, BackendStatus } from '../../../src/contracts/backend.js';
import type { CallOptions } from '../../../src/contracts/component.js';
import { Components } from '../../../src/controller/components.js';
import { callBackend } from '../../../src/controller/directCalls.js';
import { standDown } from '../../../src/controller/work/standDown.js';
import { createTelemetry } from '../../../src/telemetry/logger.js';
import { thrownBy } from '../../support/calls.js';

const LONG_MS = 60_000;

/** A backend that opens at once, and says so only after the test. */
class SlowToAnswer implements Backend {
  readonly address = 'http://backend';
  readonly calls: string[] = [];
  onOpen = () => {};
  #status: BackendStatus = 'CONFIGURED';

  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async configure(): Promise<void> {}

  open({ signal }: CallOptions): Promise<void> {
    this.calls.push('open');
    this.#status = 'OPEN';
    this.onOpen();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }

  async close(): Promise<void> {
    this.calls.push('close');
    this.#status = 'CLOSED';
  }

  async reset(): Promise<void> {
    this.calls.push('reset');
    this.#status = 'INITIALIZED';
  }

  async status(): Promise<BackendStatus> {
    return this.#status;
  }

  async metrics(): Promise<Record<string, never>> {
    return {};
  }
}

describe('a call to a backend beside the acquisition', () => {
  it('leaves it to be closed when it is given up before the backend has answered', async () => {
    const backend = new SlowToAnswer();
    const components = new Components(
      {
        pipelines: [
          {
            ...{ name: 'a', disabled: ['detector', 'writer'], backend },
            detector: createDetector('simulated', 'detector', { endpoint: 'tcp://127.0.0.1:1' }),
            writer: createWriter('h5-service', 'writer', { url: 'http://127.0.0.1:1' }),
          },
        ],
        auxiliaryWriters: [],
        trigger: null,
      },
      {
        ...{ callTimeoutMs: LONG_MS, statusTimeoutMs: LONG_MS, lostAfterMs: LONG_MS },
        ...{ pollRunningMs: LONG_MS, pollIdleMs: LONG_MS },
      },
      createTelemetry({ level: 'error', folder: null, quiet: true }),
    );
    try {
      await components.start();
      await components.seen(LONG_MS);
      const abort = new AbortController();
      const opens = new Promise<void>((resolve) => {
        backend.onOpen = resolve;
      });
      const command = { type: 'backend.call', action: 'open', settings: null } as const;
      const opening = thrownBy(callBackend(components, command, abort.signal));
      await opens;
      const reason = new Error('a stop came');
      abort.abort(reason);
      expect(await opening).to.have.property('cause', reason);
      await standDown(components, 'stop', new AbortController().signal);
      expect(backend.calls).to.deep.equal(['open', 'close', 'reset']);
    } finally {
      await components.stop();
    }
  });
});
