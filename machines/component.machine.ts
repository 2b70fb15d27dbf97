import { assign, fromPromise, raise, setup } from 'xstate';
import type { Observation } from '../src/contracts/component.js';
import type { DiaError } from '../src/contracts/errors.js';

export interface ComponentContext {
  /** The last answer; null before the first, and while it may be out of date. */
  observation: Observation | null;
  /** Why it does not answer; null while it does. */
  error: DiaError | null;
}

export type ComponentEvent =
  | { type: 'component.enable' }
  | { type: 'component.disable' }
  /** What was seen may be out of date: look again now. */
  | { type: 'component.look' }
  /** It is expected to change at another time than before: the next look may be due earlier. */
  | { type: 'component.expect' }
  /** It said where it is, in its answer to a command: what was asked before counts no more. */
  | { type: 'component.told'; observation: Observation }
  | { type: 'component.answered'; observation: Observation }
  | { type: 'component.silent'; error: DiaError };

/**
 * Supervision of one component: disabled, responding or notResponding. It looks (`queryStatus`, provided by
 * the controller) again and again, and a component silent for longer than `lostAfter` is lost.
 */
export const componentMachine = setup({
  types: {
    context: {} as ComponentContext,
    events: {} as ComponentEvent,
  },
  actors: {
    queryStatus: fromPromise<Observation>(() => Promise.reject(new Error('queryStatus is not provided'))),
  },
  delays: {
    pollInterval: 1_000,
    lostAfter: 5_000,
  },
  actions: {
    remember: assign(({ event }) =>
      event.type === 'component.answered' ? { observation: event.observation, error: null } : {},
    ),
    doubt: assign({ observation: null }),
    blame: assign(({ event }) => (event.type === 'component.silent' ? { error: event.error } : {})),
    forget: assign({ observation: null, error: null }),
  },
}).createMachine({
  id: 'component',
  context: { observation: null, error: null },
  initial: 'disabled',
  states: {
    disabled: {
      entry: 'forget',
      on: {
        'component.enable': 'enabled',
      },
    },

    enabled: {
      type: 'parallel',
      on: { 'component.disable': 'disabled' },
      states: {
        watching: {
          initial: 'looking',
          on: {
            'component.look': { target: '.looking', actions: 'doubt' },
            'component.told': {
              target: '.waiting',
              actions: raise(({ event }) => ({ type: 'component.answered', observation: event.observation })),
            },
          },
          states: {
            looking: {
              invoke: {
                src: 'queryStatus',
                onDone: {
                  target: 'waiting',
                  actions: raise(({ event }) => ({ type: 'component.answered', observation: event.output })),
                },
                onError: {
                  target: 'waiting',
                  actions: raise(({ event }) => ({
                    type: 'component.silent',
                    error: event.error as DiaError,
                  })),
                },
              },
            },
            waiting: {
              on: { 'component.expect': { target: 'waiting', reenter: true } },
              after: { pollInterval: 'looking' },
            },
          },
        },

        health: {
          initial: 'unseen',
          states: {
            unseen: {
              on: {
                'component.answered': { target: 'responding', actions: 'remember' },
                'component.silent': { target: 'notResponding', actions: 'blame' },
              },
            },
            responding: {
              on: {
                'component.answered': { actions: 'remember' },
                'component.silent': { target: 'notResponding', actions: 'blame' },
              },
            },
            notResponding: {
              initial: 'missed',
              on: {
                'component.answered': { target: 'responding', actions: 'remember' },
                'component.silent': { actions: 'blame' },
              },
              states: {
                missed: { after: { lostAfter: 'lost' } },
                lost: {},
              },
            },
          },
        },
      },
    },
  },
});
