import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';

import { createBackend, createWriter } from '../../../src/adapters/registry.js';
import { Turns } from '../../../src/adapters/transport/turns.js';
import { boundBy } from '../../../src/contracts/bounds.js';
import type { CallOptions } from '../../../src/contracts/component.js';
import type { Detector, DetectorStatus } from '../../../src/contracts/detector.js';
import { ComponentSilentError } from '../../../src/contracts/errors.js';
import type { Trigger } from '../../../src/contracts/trigger.js';
import { Components } from '../../../src/controller/components.js';
import { replaceHung } from '../../../src/controller/work/replaceHung.js';
import { createTelemetry } from '../../../src/telemetry/logger.js';
import { thrownBy } from '../../support/calls.js';

const LONG_MS = 60_000;
const STATUS_MS = 100;

/** Where the test's components are, of which only the ones that hang do not answer. */
class Place {
  readonly stopped: string[] = [];
  readonly hanging = new Set<string>();
  /** Stops that go on for so long, and let nobody ask meanwhile. */
  readonly stopMs = new Map<string, number>();
  readonly #turns = new Turns();
  readonly #transport = { connect: async () => undefined, disconnect: async () => undefined };

  detector(address: string): Detector {
    const nothing = async () => undefined;
    return {
      ...{ ...this.#transport, address, configure: nothing, start: nothing },
      ...{ getValue: async () => 0, setValue: async () => 0, metrics: async () => ({}) },
      status: (options) => this.#status<DetectorStatus>(address, 'running', options),
      stop: (options) => this.#stop(address, options),
    };
  }

  trigger(address: string): Trigger {
    return {
      ...{ ...this.#transport, address, start: async () => undefined },
      status: (options) => this.#status(address, 'running', options),
      stop: (options) => this.#stop(address, options),
    };
  }

  async #stop(address: string, options: CallOptions): Promise<void> {
    const letGo = await this.#turns.take(address, options.signal);
    try {
      await this.#answer(address, null, options);
      await delay(this.stopMs.get(address) ?? 0, undefined, { signal: options.signal });
      this.stopped.push(address);
    } finally {
      letGo();
    }
  }

  async #status<T>(address: string, answer: T, options: CallOptions): Promise<T> {
    const bounds = boundBy(options);
    try {
      (await this.#turns.take(address, bounds.signal))();
      return await this.#answer(address, answer, options);
    } catch (error) {
      if (options.signal.aborted || !bounds.signal.aborted) throw error;
      throw new ComponentSilentError('component_timeout', `${address} is busy.`, {});
    } finally {
      bounds.end();
    }
  }

  /** A status is waited for a moment, a stop for longer than the test. */
  #answer<T>(address: string, answer: T, { signal, timeoutMs }: CallOptions): Promise<T> {
    if (!this.hanging.has(address)) return Promise.resolve(answer);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      const silent = () => reject(new ComponentSilentError('component_timeout', `${address} hangs.`, {}));
      setTimeout(silent, timeoutMs).unref();
    });
  }
}

describe('the replacement of what hangs when all is killed', () => {
  let place: Place;
  let components: Components;
  let abort: AbortController;

  beforeEach(async () => {
    place = new Place();
    abort = new AbortController();
    const pipelines = ['a', 'b'].map((name) => ({
      ...{ name, disabled: ['backend', 'writer'] },
      detector: place.detector(name),
      backend: createBackend('none', 'backend', {}),
      writer: createWriter('h5-service', 'writer', { url: 'http://127.0.0.1:1' }),
    }));
    const limits = { callTimeoutMs: LONG_MS, statusTimeoutMs: STATUS_MS, lostAfterMs: LONG_MS };
    components = new Components(
      { pipelines, auxiliaryWriters: [], trigger: place.trigger('t') },
      { ...limits, pollRunningMs: LONG_MS, pollIdleMs: LONG_MS },
      createTelemetry({ level: 'error', folder: null, quiet: true }),
    );
    await components.start();
  });
  afterEach(() => components.stop());

  it('keeps neither the trigger nor another detector exposing meanwhile, and ends with its signal', async () => {
    place.hanging.add('a');
    const replaced: string[] = [];
    let onReplace = () => {};
    const isReplacing = new Promise<void>((resolve) => {
      onReplace = resolve;
    });
    const work = thrownBy(
      replaceHung(
        components,
        (address) => {
          replaced.push(address);
          onReplace();
          // One that the system holds is never gone.
          return new Promise(() => undefined);
        },
        abort.signal,
      ),
    );
    await isReplacing;
    expect(place.stopped).to.have.members(['t', 'b']);
    const reason = new Error('too late');
    abort.abort(reason);
    expect(await work).to.equal(reason);
    expect(replaced).to.deep.equal(['a']);
  });

  it('does not wait for the answer of a detector that it has replaced', async () => {
    place.hanging.add('a');
    await replaceHung(components, async () => undefined, abort.signal);
    expect(place.stopped).to.have.members(['t', 'b']);
  });

  it('lets a detector that takes one call at a time end its stop, however long that is', async () => {
    place.stopMs.set('a', 4 * STATUS_MS);
    const replaced: string[] = [];
    await replaceHung(components, async (address) => void replaced.push(address), abort.signal);
    expect(replaced).to.deep.equal([]);
    expect(place.stopped).to.have.members(['t', 'a', 'b']);
  });

  it('replaces nobody who answers', async () => {
    const replaced: string[] = [];
    await replaceHung(components, async (address) => void replaced.push(address), abort.signal);
    expect(replaced).to.deep.equal([]);
    expect(place.stopped).to.have.members(['t', 'a', 'b']);
  });
});
