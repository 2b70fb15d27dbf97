import { assign, fromPromise, raise, setup } from 'xstate';
import type { Observation } from '../src/contracts/component.js';
import type { DiaError } from '../src/contracts/errors.js';

/** How often a component is looked at: `running` fast, `idle` slowly. */
export type Pace = 'running' | 'idle';

export interface ComponentContext {
  /** The last answer; null before the first, and while it may be out of date. */
  observation: Observation | null;
  /** Why it does not answer; null while it does. */
  error: DiaError | null;
  pace: Pace;
  pollMs: Readonly<Record<Pace, number>>;
}

export interface ComponentInput {
  readonly pollMs: Readonly<Record<Pace, number>>;
}

export type ComponentEvent =
  | { type: 'component.enable' }
  | { type: 'component.disable' }
  /** What was seen may be out of date: look again now. */
  | { type: 'component.look' }
  /** It said where it is, in its answer to a command: what was asked before counts no more. */
  | { type: 'component.told'; observation: Observation }
  | { type: 'component.pace'; pace: Pace }
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
    input: {} as ComponentInput,
  },
  actors: {
    queryStatus: fromPromise<Observation>(() => Promise.reject(new Error('queryStatus is not provided'))),
  },
  delays: {
    pollInterval: ({ context }) => context.pollMs[context.pace],
    lostAfter: 5_000,
  },
  guards: {
    paceChanged: ({ context, event }) => event.type === 'component.pace' && event.pace !== context.pace,
  },
  actions: {
    remember: assign(({ event }) =>
      event.type === 'component.answered' ? { observation: event.observation, error: null } : {},
    ),
    doubt: assign({ observation: null }),
    blame: assign(({ event }) => (event.type === 'component.silent' ? { error: event.error } : {})),
    forget: assign({ observation: null, error: null }),
    changePace: assign(({ event }) => (event.type === 'component.pace' ? { pace: event.pace } : {})),
  },
}).createMachine({
  id: 'component',
  context: ({ input }) => ({ observation: null, error: null, pace: 'idle', pollMs: input.pollMs }),
  initial: 'disabled',
  states: {
    disabled: {
      entry: 'forget',
      on: {
        'component.enable': 'enabled',
        'component.pace': { actions: 'changePace' },
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
            // A question under way serves any pace; a wait begins anew, as long as the new pace has it.
            'component.pace': { guard: 'paceChanged', actions: 'changePace' },
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
              after: { pollInterval: 'looking' },
              on: {
                'component.pace': {
                  guard: 'paceChanged',
                  target: 'waiting',
                  reenter: true,
                  actions: 'changePace',
                },
              },
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
