import { createActor, fromPromise, SimulatedClock } from 'xstate';
import { acquisitionMachine } from '../../machines/acquisition.machine.js';
import type { AcquisitionPlan, StartOutcome } from '../../src/contracts/acquisition.js';
import { ComponentFailedError } from '../../src/contracts/errors.js';

export const STATES = [
  'initialized',
  'configuring',
  'configured',
  'starting',
  'running.acquiring',
  'running.draining',
  'running.auxiliary',
  'running.verifying',
  'finished',
  'stopping',
  'resetting',
  'error.settling',
  'error.settled',
] as const;

export type StatePath = (typeof STATES)[number];

export const PLAN: AcquisitionPlan = {
  id: 'test',
  config: {},
  pipelines: {},
  auxiliary: {},
  stall: { timeoutMs: 5_000, fails: false, waitsForTrigger: false },
};

export const OUTCOME: StartOutcome = {
  files: { writer: '/data/a.h5' },
  detectors: ['detector'],
  writers: ['writer'],
  auxiliaryWriters: ['bsread'],
  expectedFrames: { writer: 10 },
};

export const FAILURE = new ComponentFailedError('component_failed', 'The detector failed.');

interface Call {
  readonly name: string;
  readonly input: unknown;
  readonly signal: AbortSignal;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A real actor of the acquisition machine whose work is ended by the test, on a clock that the test turns. */
export function driver(
  outcome: StartOutcome = OUTCOME,
  restartsFromFinished = false,
  plan: AcquisitionPlan = PLAN,
) {
  const calls: Call[] = [];
  const work = <Output, Input>(name: string) =>
    fromPromise<Output, Input>(
      ({ input, signal }) =>
        new Promise<Output>((resolve, reject) => {
          calls.push({ name, input, signal, resolve: resolve as (output: unknown) => void, reject });
        }),
    );
  const clock = new SimulatedClock();
  const actor = createActor(
    acquisitionMachine.provide({
      actors: {
        configureComponents: work('configureComponents'),
        startComponents: work('startComponents'),
        standDown: work('standDown'),
        verifyFiles: work('verifyFiles'),
        makeSafe: work('makeSafe'),
      },
    }),
    {
      clock,
      input: {
        restartsFromFinished,
        deadlineError: (operation) => new ComponentFailedError('component_timeout', operation),
      },
    },
  );
  actor.start();

  const state = (): StatePath => {
    const { value } = actor.getSnapshot();
    const path =
      typeof value === 'string'
        ? value
        : Object.entries(value)
            .map(([parent, child]) => `${parent}.${child}`)
            .join();
    return path as StatePath;
  };

  /** Ends the newest work and lets the machine hear of it. */
  async function end(how: 'done' | 'failed'): Promise<void> {
    const call = calls.at(-1);
    if (call === undefined) throw new Error('Nothing is under way.');
    if (how === 'done') call.resolve(call.name === 'startComponents' ? outcome : undefined);
    else call.reject(FAILURE);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }

  function command(type: string, withPlan = true): void {
    if (type === 'acquisition.configure') actor.send({ type, plan });
    else if (type === 'acquisition.start') {
      actor.send({ type, triggerStart: true, ...(withPlan ? { plan } : {}) });
    } else actor.send({ type } as { type: 'acquisition.stop' | 'acquisition.reset' | 'acquisition.kill' });
  }

  function see(component: string, status: string, writtenFrames = 0, expectedFrames = 10): void {
    actor.send({ type: 'component.status', component, status, writtenFrames, expectedFrames });
  }

  async function driveTo(target: StatePath): Promise<void> {
    if (target === 'initialized') return;
    if (target.startsWith('error')) {
      command('acquisition.configure');
      await end('failed');
      if (target === 'error.settled') await end('done');
      return;
    }
    command('acquisition.configure');
    if (target === 'configuring') return;
    await end('done');
    if (target === 'resetting') command('acquisition.reset');
    if (target === 'configured' || target === 'resetting') return;
    command('acquisition.start', false);
    if (target === 'starting') return;
    await end('done');
    if (target === 'stopping') command('acquisition.stop');
    if (target === 'running.acquiring' || target === 'stopping') return;
    see('detector', 'idle');
    if (target === 'running.draining') return;
    see('writer', 'finished', 10);
    if (target === 'running.auxiliary') return;
    see('bsread', 'finished', 10);
    if (target === 'running.verifying') return;
    await end('done');
  }

  return {
    actor,
    clock,
    calls,
    state,
    end,
    command,
    see,
    driveTo,
    status: () => actor.getSnapshot().context.status,
    callCount: () => calls.length,
    stop: () => actor.stop(),
  };
}
