import { assign, fromCallback, sendTo, setup } from 'xstate';
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

/** What the one that asks the component, again and again, is told. */
export type WatchOrder =
  /** Ask now; what is being asked counts no more. */
  | { type: 'watch.look' }
  /** What is being asked counts no more; ask again after a pause. */
  | { type: 'watch.rest' }
  /** The pause that goes on, if one does, may have to be another. */
  | { type: 'watch.expect' };

/**
 * Supervision of one component: disabled, responding or notResponding. As long as it is enabled, `watch` (provided by the
 * controller) asks it again and again and says `component.answered` or `component.silent`; a component silent for longer than
 * `lostAfter` is lost.
 */
export const componentMachine = setup({
  types: {
    context: {} as ComponentContext,
    events: {} as ComponentEvent,
  },
  actors: {
    watch: fromCallback<WatchOrder>(() => {
      throw new Error('watch is not provided');
    }),
  },
  delays: {
    lostAfter: 5_000,
  },
  actions: {
    remember: assign(({ event }) =>
      event.type === 'component.answered' || event.type === 'component.told'
        ? { observation: event.observation, error: null }
        : {},
    ),
    doubt: assign({ observation: null }),
    blame: assign(({ event }) => (event.type === 'component.silent' ? { error: event.error } : {})),
    forget: assign({ observation: null, error: null }),
    look: sendTo('watch', { type: 'watch.look' }),
    rest: sendTo('watch', { type: 'watch.rest' }),
    expect: sendTo('watch', { type: 'watch.expect' }),
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
      invoke: { src: 'watch', id: 'watch' },
      on: {
        'component.disable': 'disabled',
        'component.look': { actions: ['doubt', 'look'] },
        'component.expect': { actions: 'expect' },
      },
      initial: 'unseen',
      states: {
        unseen: {
          on: {
            'component.answered': { target: 'responding', actions: 'remember' },
            'component.told': { target: 'responding', actions: ['remember', 'rest'] },
            'component.silent': { target: 'notResponding', actions: 'blame' },
          },
        },
        responding: {
          on: {
            'component.answered': { actions: 'remember' },
            'component.told': { actions: ['remember', 'rest'] },
            'component.silent': { target: 'notResponding', actions: 'blame' },
          },
        },
        notResponding: {
          initial: 'missed',
          on: {
            'component.answered': { target: 'responding', actions: 'remember' },
            'component.told': { target: 'responding', actions: ['remember', 'rest'] },
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
});
