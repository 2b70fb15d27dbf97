import { assign, fromPromise, setup } from 'xstate';
import type {
  AcquisitionPlan,
  IntegrationStatus,
  StandDown,
  StartOutcome,
} from '../src/contracts/acquisition.js';
import type { DiaError } from '../src/contracts/errors.js';
import type { AcquisitionContext, AcquisitionEvent, AcquisitionInput } from './acquisitionContext.js';
import { all, ENDED, IDLE, isEmpty, observe, unseen } from './observed.js';

/** Work that the machine asks for; the controller provides it and honours the signal. */
function work<Output, Input>(name: string) {
  return fromPromise<Output, Input>(() => Promise.reject(new Error(`${name} is not provided`)));
}

const parts = setup({
  types: {
    context: {} as AcquisitionContext,
    events: {} as AcquisitionEvent,
    input: {} as AcquisitionInput,
    tags: {} as 'transition' | 'watched',
  },
  actors: {
    configureComponents: work<void, { plan: AcquisitionPlan | null }>('configureComponents'),
    startComponents: work<StartOutcome, { plan: AcquisitionPlan | null; triggerStart: boolean }>(
      'startComponents',
    ),
    standDown: work<void, { how: StandDown }>('standDown'),
    verifyFiles: work<void, { endWriters: boolean }>('verifyFiles'),
    makeSafe: work<void, undefined>('makeSafe'),
  },
  delays: {
    configureDeadline: 60_000,
    startDeadline: 60_000,
    standDownDeadline: 60_000,
    verifyDeadline: 60_000,
    stallTimeout: ({ context }) => context.plan?.stall.timeoutMs ?? 5_000,
    drainTimeout: 5_000,
    auxiliaryTimeout: 60_000,
  },
  actions: {
    report: assign((_, { status }: { status: IntegrationStatus }) => ({ status })),
    forgetRun: assign({
      plan: null,
      startRequested: false,
      error: null,
      stalled: false,
      writersUnfinished: false,
    }),
    takePlan: assign(({ event }) =>
      event.type === 'acquisition.configure' || event.type === 'acquisition.start'
        ? { plan: event.plan ?? null, error: null, files: {} }
        : {},
    ),
    requestStart: assign(({ event }) =>
      event.type === 'acquisition.start' ? { startRequested: true, triggerStart: event.triggerStart } : {},
    ),
    expectRun: assign((_, outcome: StartOutcome) => ({
      files: outcome.files,
      detectors: unseen(outcome.detectors),
      writers: unseen(outcome.writers, outcome.expectedFrames),
      auxiliaryWriters: unseen(outcome.auxiliaryWriters),
      startRequested: false,
      stalled: false,
    })),
    observe: assign(({ context, event }) => {
      const seen =
        event.type === 'component.status' ? [event] : event.type === 'components.seen' ? event.seen : [];
      return {
        detectors: seen.reduce(observe, context.detectors),
        writers: seen.reduce(observe, context.writers),
        auxiliaryWriters: seen.reduce(observe, context.auxiliaryWriters),
      };
    }),
    resume: assign(({ event }) => {
      if (event.type !== 'controller.resumed') return {};
      if (event.to === 'error') return { error: event.error, files: event.files };
      if (event.to === 'configured') return { plan: event.plan };
      const { outcome } = event;
      return {
        plan: event.plan,
        files: outcome.files,
        detectors: unseen(outcome.detectors),
        writers: unseen(outcome.writers, outcome.expectedFrames),
        auxiliaryWriters: unseen(outcome.auxiliaryWriters),
      };
    }),
    noteProgress: assign({ stalled: false }),
    noteStall: assign({ stalled: true }),
    giveUpOnWriters: assign({ writersUnfinished: true }),
    standDownBy: assign((_, { how }: { how: StandDown }) => ({ standDown: how })),
    blame: assign((_, { error }: { error: unknown }) => ({ error: error as DiaError })),
    blameDeadline: assign(({ context }, { operation }: { operation: string }) => ({
      error: context.deadlineError(operation),
    })),
  },
  guards: {
    carriesPlan: ({ event }) => event.type === 'acquisition.start' && event.plan !== undefined,
    resumesTo: ({ event }, { to }: { to: string }) => event.type === 'controller.resumed' && event.to === to,
    mayRestart: ({ context, event }) =>
      context.restartsFromFinished && 'plan' in event && event.plan !== undefined,
    startWasRequested: ({ context }) => context.startRequested,
    detectorsAreDone: ({ context }) =>
      isEmpty(context.detectors)
        ? !isEmpty(context.writers) && all(context.writers, ENDED)
        : all(context.detectors, IDLE),
    writersAreDone: ({ context }) => all(context.writers, ENDED),
    allWritersAreDone: ({ context }) => all(context.writers, ENDED) && all(context.auxiliaryWriters, ENDED),
    writerEndedEarly: ({ context }) =>
      Object.values(context.writers).some(
        ({ status, writtenFrames, expectedFrames }) =>
          status === 'stopped' &&
          (expectedFrames === 0 ? !all(context.detectors, IDLE) : writtenFrames < expectedFrames),
      ),
    mayWaitOn: ({ context }) =>
      isEmpty(context.writers) ||
      (context.plan?.stall.waitsForTrigger === true &&
        Object.values(context.writers).every(({ writtenFrames }) => writtenFrames === 0)),
    failsOnStall: ({ context }) => context.plan?.stall.fails === true,
    wroteMore: ({ context, event }) => {
      if (event.type !== 'component.status') return false;
      const before = context.writers[event.component];
      return before !== undefined && (event.writtenFrames ?? 0) > before.writtenFrames;
    },
  },
});

/** The way back to the beginning, for a run that is stopped and for everything else alike; only a kill cuts it short. */
const standingDown = (operation: 'stop' | 'reset') =>
  parts.createStateConfig({
    tags: 'transition',
    invoke: {
      src: 'standDown',
      input: ({ context }) => ({ how: context.standDown }),
      onDone: 'initialized',
      onError: { target: 'error', actions: { type: 'blame', params: ({ event }) => event } },
    },
    on: { 'acquisition.stop': undefined, 'acquisition.reset': undefined },
    after: {
      standDownDeadline: {
        target: 'error',
        actions: { type: 'blameDeadline', params: { operation } },
      },
    },
  });

/**
 * The life of an integration: initialized, configured, running, finished, error, and the ways between.
 *
 * Free of I/O: what has to be done is invoked by name and provided by the controller. Reported statuses are
 * in `context.status`; states that only lead from one to another keep what they left.
 */
export const acquisitionMachine = parts.createMachine({
  id: 'acquisition',
  context: ({ input }) => ({
    status: 'INITIALIZED',
    plan: null,
    startRequested: false,
    triggerStart: true,
    standDown: 'reset',
    error: null,
    files: {},
    detectors: {},
    writers: {},
    auxiliaryWriters: {},
    stalled: false,
    writersUnfinished: false,
    restartsFromFinished: input.restartsFromFinished,
    deadlineError: input.deadlineError,
  }),
  initial: 'initialized',
  on: {
    'acquisition.stop': { target: '.resetting', actions: { type: 'standDownBy', params: { how: 'stop' } } },
    'acquisition.reset': { target: '.resetting', actions: { type: 'standDownBy', params: { how: 'reset' } } },
    'acquisition.kill': { target: '.resetting', actions: { type: 'standDownBy', params: { how: 'kill' } } },
  },
  states: {
    initialized: {
      entry: ['forgetRun', { type: 'report', params: { status: 'INITIALIZED' } }],
      on: {
        'acquisition.configure': { target: 'configuring', actions: 'takePlan' },
        'acquisition.start': {
          guard: 'carriesPlan',
          target: 'configuring',
          actions: ['takePlan', 'requestStart'],
        },
        'controller.resumed': (['configured', 'running', 'finished', 'error'] as const).map((to) => ({
          guard: { type: 'resumesTo' as const, params: { to } },
          target: to,
          actions: 'resume' as const,
        })),
      },
    },

    configuring: {
      tags: 'transition',
      entry: { type: 'report', params: { status: 'INITIALIZED' } },
      invoke: {
        src: 'configureComponents',
        input: ({ context }) => ({ plan: context.plan }),
        onDone: [{ guard: 'startWasRequested', target: 'starting' }, { target: 'configured' }],
        onError: { target: 'error', actions: { type: 'blame', params: ({ event }) => event } },
      },
      after: {
        configureDeadline: {
          target: 'error',
          actions: { type: 'blameDeadline', params: { operation: 'configure' } },
        },
      },
    },

    configured: {
      entry: { type: 'report', params: { status: 'CONFIGURED' } },
      on: {
        'acquisition.configure': { target: 'configuring', actions: 'takePlan' },
        'acquisition.start': [
          { guard: 'carriesPlan', target: 'configuring', actions: ['takePlan', 'requestStart'] },
          { target: 'starting', actions: 'requestStart' },
        ],
      },
    },

    starting: {
      tags: 'transition',
      entry: { type: 'report', params: { status: 'CONFIGURED' } },
      invoke: {
        src: 'startComponents',
        input: ({ context }) => ({ plan: context.plan, triggerStart: context.triggerStart }),
        onDone: {
          target: 'running',
          actions: { type: 'expectRun', params: ({ event }) => event.output },
        },
        onError: { target: 'error', actions: { type: 'blame', params: ({ event }) => event } },
      },
      after: {
        startDeadline: {
          target: 'error',
          actions: { type: 'blameDeadline', params: { operation: 'start' } },
        },
      },
    },

    running: {
      tags: 'watched',
      initial: 'acquiring',
      on: {
        'acquisition.stop': {
          target: 'stopping',
          actions: { type: 'standDownBy', params: { how: 'stop' } },
        },
        'component.status': { actions: 'observe' },
        'components.seen': { actions: 'observe' },
        'component.lost': {
          target: 'error',
          actions: { type: 'blame', params: ({ event }) => event },
        },
      },
      states: {
        acquiring: {
          entry: { type: 'report', params: { status: 'RUNNING' } },
          always: [
            { guard: 'writerEndedEarly', target: 'verifying', actions: 'giveUpOnWriters' },
            { guard: 'detectorsAreDone', target: 'draining' },
          ],
          on: {
            'component.status': [
              {
                guard: 'wroteMore',
                target: 'acquiring',
                reenter: true,
                actions: ['observe', 'noteProgress'],
              },
              { actions: 'observe' },
            ],
          },
          after: {
            stallTimeout: [
              { guard: 'mayWaitOn', target: 'acquiring', reenter: true },
              {
                guard: 'failsOnStall',
                target: '#acquisition.error',
                actions: { type: 'blameDeadline', params: { operation: 'acquire' } },
              },
              { actions: 'noteStall' },
            ],
          },
        },
        draining: {
          entry: { type: 'report', params: { status: 'DETECTOR_STOPPED' } },
          always: [
            { guard: 'allWritersAreDone', target: 'verifying' },
            { guard: 'writersAreDone', target: 'auxiliary' },
          ],
          on: {
            'component.status': [
              { guard: 'wroteMore', target: 'draining', reenter: true, actions: 'observe' },
              { actions: 'observe' },
            ],
          },
          after: { drainTimeout: { target: 'verifying', actions: 'giveUpOnWriters' } },
        },
        auxiliary: {
          entry: { type: 'report', params: { status: 'BSREAD_STILL_RUNNING' } },
          always: { guard: 'allWritersAreDone', target: 'verifying' },
          after: { auxiliaryTimeout: { target: 'verifying', actions: 'giveUpOnWriters' } },
        },
        verifying: {
          entry: { type: 'report', params: { status: 'DETECTOR_STOPPED' } },
          invoke: {
            src: 'verifyFiles',
            input: ({ context }) => ({ endWriters: context.writersUnfinished }),
            onDone: '#acquisition.finished',
            onError: {
              target: '#acquisition.error',
              actions: { type: 'blame', params: ({ event }) => event },
            },
          },
          after: {
            verifyDeadline: {
              target: '#acquisition.error',
              actions: { type: 'blameDeadline', params: { operation: 'verify' } },
            },
          },
        },
      },
    },

    finished: {
      entry: { type: 'report', params: { status: 'FINISHED' } },
      on: {
        'acquisition.configure': { guard: 'mayRestart', target: 'configuring', actions: 'takePlan' },
        'acquisition.start': {
          guard: 'mayRestart',
          target: 'configuring',
          actions: ['takePlan', 'requestStart'],
        },
      },
    },

    stopping: standingDown('stop'),
    resetting: standingDown('reset'),

    error: {
      entry: { type: 'report', params: { status: 'ERROR' } },
      initial: 'settling',
      states: {
        settling: {
          tags: 'transition',
          invoke: { src: 'makeSafe', onDone: 'settled', onError: 'settled' },
          after: { standDownDeadline: 'settled' },
        },
        settled: {},
      },
    },
  },
});
