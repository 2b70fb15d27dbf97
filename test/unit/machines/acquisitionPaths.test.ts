import { getShortestPaths } from '@xstate/graph';
import { expect } from 'chai';
import type { EventFromLogic } from 'xstate';
import { acquisitionMachine } from '../../../machines/acquisition.machine.js';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import { driver, FAILURE, OUTCOME, PLAN, STATES } from '../../support/acquisitionDriver.js';

type Event = EventFromLogic<typeof acquisitionMachine>;

/** What can happen at any moment: commands, ends of work, what components say, and time. */
const WORK = [
  ['0.acquisition.configuring', undefined],
  ['0.acquisition.starting', OUTCOME],
  ['0.acquisition.running.verifying', undefined],
  ['0.acquisition.stopping', undefined],
  ['0.acquisition.resetting', undefined],
  ['0.acquisition.error.settling', undefined],
] as const;

const HAPPENINGS = [
  { type: 'acquisition.configure', plan: PLAN },
  { type: 'acquisition.start', plan: PLAN, triggerStart: true },
  { type: 'acquisition.start', triggerStart: false },
  { type: 'acquisition.stop' },
  { type: 'acquisition.reset' },
  { type: 'acquisition.kill' },
  ...WORK.map(([actor, output]) => ({ type: `xstate.done.actor.${actor}`, output })),
  ...WORK.map(([actor]) => ({ type: `xstate.error.actor.${actor}`, error: FAILURE })),
  ...['running', 'idle', 'error'].map((status) => ({
    type: 'component.status',
    component: 'detector',
    status,
  })),
  ...(['receiving', 'writing', 'finished', 'stopped'] as const).map((status) => ({
    type: 'component.status',
    component: 'writer',
    status,
    writtenFrames: status === 'finished' ? 10 : 5,
    expectedFrames: 10,
  })),
  ...['receiving', 'finished'].map((status) => ({ type: 'component.status', component: 'bsread', status })),
  {
    type: 'components.seen',
    seen: [
      { component: 'detector', status: 'idle' },
      { component: 'writer', status: 'finished', writtenFrames: 10, expectedFrames: 10 },
    ],
  },
  { type: 'controller.resumed', to: 'configured', plan: PLAN },
  { type: 'controller.resumed', to: 'running', plan: PLAN, outcome: OUTCOME },
  { type: 'controller.resumed', to: 'finished', plan: PLAN, outcome: OUTCOME },
  { type: 'controller.resumed', to: 'error', error: FAILURE, files: {} },
  { type: 'component.lost', component: 'backend', error: FAILURE },
  { type: 'xstate.after.stallTimeout.acquisition.running.acquiring' },
  { type: 'xstate.after.drainTimeout.acquisition.running.draining' },
  { type: 'xstate.after.auxiliaryTimeout.acquisition.running.auxiliary' },
] as unknown as Event[];

const input = {
  restartsFromFinished: false,
  deadlineError: (operation: string) => new ComponentFailedError('component_timeout', operation),
};

/** Every situation that can be reached, by the shortest way: state, status, and what was seen of the components. */
function reachable() {
  return getShortestPaths(acquisitionMachine, {
    input,
    events: HAPPENINGS,
    limit: 20_000,
    serializeState: (state) => {
      const { context } = state;
      // What was seen of the components counts only while a run goes on.
      const seen = state.matches('running')
        ? [context.detectors, context.writers, context.auxiliaryWriters].map((role) =>
            Object.values(role).map(({ status }) => status),
          )
        : [];
      const { status, startRequested, standDown, error } = context;
      return JSON.stringify([state.value, status, startRequested, standDown, error !== null, seen]);
    },
  });
}

const pathOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map((entry) => entry.join('.'))
        .join();

describe('acquisition machine: every reachable path', () => {
  const paths = reachable();

  it('reaches every state', () => {
    expect(new Set(paths.map(({ state }) => pathOf(state.value)))).to.deep.equal(new Set(STATES));
    expect(paths.length).to.be.greaterThan(100);
  });

  it('always accepts kill, and reset unless it is ending already', () => {
    for (const { state } of paths) {
      expect(state.can({ type: 'acquisition.kill' }), pathOf(state.value)).to.equal(true);
      const ending = state.matches('resetting') || state.matches('stopping');
      expect(state.can({ type: 'acquisition.reset' }), pathOf(state.value)).to.equal(!ending);
    }
  });

  it('has an error in ERROR and nowhere else but on the way out of it', () => {
    for (const { state } of paths) {
      if (state.matches('error')) expect(state.context.error, pathOf(state.value)).not.to.equal(null);
      else if (!state.matches('resetting')) expect(state.context.error, pathOf(state.value)).to.equal(null);
    }
  });

  it('reports FINISHED only after the files were verified', () => {
    const finished = paths.filter(({ state }) => state.context.status === 'FINISHED');
    expect(finished).not.to.be.empty;
    for (const { steps } of finished) {
      // A controller that was restarted believes the one before it.
      if (steps.some(({ event }) => event.type === 'controller.resumed' && event.to === 'finished')) continue;
      expect(steps.map(({ event }) => event.type)).to.include(
        'xstate.done.actor.0.acquisition.running.verifying',
      );
    }
  });

  it('starts nothing without a plan', () => {
    for (const { state } of paths) {
      if (
        ['configuring', 'starting', 'configured', 'running'].some((name) =>
          state.matches(name as 'configured'),
        )
      ) {
        expect(state.context.plan).to.equal(PLAN);
      }
    }
  });

  it('behaves the same with real actors, step by step', async function () {
    this.timeout(60_000);
    for (const { steps, state } of paths) {
      const real = driver();
      for (const { event } of steps) {
        const { type } = event as { type: string };
        if (type.startsWith('xstate.init')) continue;
        if (type.startsWith('xstate.done.actor')) await real.end('done');
        else if (type.startsWith('xstate.error.actor')) await real.end('failed');
        else if (type.startsWith('xstate.after.drainTimeout')) real.clock.increment(5_000);
        else if (type.startsWith('xstate.after.stallTimeout')) real.clock.increment(5_000);
        else if (type.startsWith('xstate.after.auxiliaryTimeout')) real.clock.increment(60_000);
        else real.actor.send(event);
      }
      expect(real.state(), steps.map(({ event }) => event.type).join(' → ')).to.equal(pathOf(state.value));
      expect(real.status()).to.equal(state.context.status);
      real.stop();
    }
  });
});
