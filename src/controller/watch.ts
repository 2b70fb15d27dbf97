import { fromCallback } from 'xstate';
import type { ComponentEvent, WatchOrder } from '../../machines/component.machine.js';
import type { Observation } from '../contracts/component.js';
import type { DiaError } from '../contracts/errors.js';

export interface WatchOptions {
  /** Asks the component; its answer is dropped when the signal fires. */
  readonly ask: (signal: AbortSignal) => Promise<Observation>;
  /** Milliseconds from now to the next question. */
  readonly pauseMs: () => number;
  /** Whose timers are used; those of Node by default. */
  readonly clock?: {
    setTimeout(work: () => void, afterMs: number): unknown;
    clearTimeout(timer: unknown): void;
  };
}

const NODE = {
  setTimeout: (work: () => void, afterMs: number): unknown => setTimeout(work, afterMs),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
};

/** Why a question was given up. */
const DROPPED = new Error('The answer no longer counts.');

/**
 * Asks a component, one question at a time, and tells its machine what came of each. One actor for as long as the component
 * is enabled: an actor for each question costs more than the question.
 */
export const watch = ({ ask, pauseMs, clock = NODE }: WatchOptions) =>
  fromCallback<WatchOrder>(({ sendBack, receive }) => {
    let asking: AbortController | null = null;
    let pause: unknown = null;

    const endPause = () => {
      if (pause !== null) clock.clearTimeout(pause);
      pause = null;
    };
    const drop = () => {
      endPause();
      const dropped = asking;
      asking = null;
      dropped?.abort(DROPPED);
    };
    const rest = () => {
      pause = clock.setTimeout(look, pauseMs());
    };
    const tell = (question: AbortController, event: ComponentEvent) => {
      if (asking !== question) return;
      asking = null;
      rest();
      sendBack(event);
    };
    function look(): void {
      drop();
      const question = new AbortController();
      asking = question;
      ask(question.signal).then(
        (observation) => tell(question, { type: 'component.answered', observation }),
        (error: DiaError) => tell(question, { type: 'component.silent', error }),
      );
    }

    receive(({ type }) => {
      if (type === 'watch.look') look();
      else if (type === 'watch.rest') {
        drop();
        rest();
      } else if (pause !== null) {
        endPause();
        rest();
      }
    });
    look();
    return drop;
  });
