import { expect } from 'chai';
import { createActor, SimulatedClock } from 'xstate';
import { componentMachine } from '../../../machines/component.machine.js';
import type { Observation } from '../../../src/contracts/component.js';
import { ComponentSilentError } from '../../../src/contracts/errors.js';
import { watch } from '../../../src/controller/watch.js';

const SILENCE = new ComponentSilentError('component_timeout', 'No answer.');

/** A real actor whose questions are answered by the test, on a clock that the test turns. */
function driver() {
  const questions: {
    answer: (status: string) => Promise<void>;
    fail: () => Promise<void>;
    signal: AbortSignal;
  }[] = [];
  const heard = async () => {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  const clock = new SimulatedClock();
  const actor = createActor(
    componentMachine.provide({
      actors: {
        watch: watch({
          clock,
          pauseMs: () => 1_000,
          ask: (signal) =>
            new Promise<Observation>((resolve, reject) => {
              questions.push({
                signal,
                answer: (status) => {
                  resolve({ status });
                  return heard();
                },
                fail: () => {
                  reject(SILENCE);
                  return heard();
                },
              });
            }),
        }),
      },
    }),
    { clock },
  );
  actor.start();
  const health = () => {
    const { value } = actor.getSnapshot();
    return typeof value === 'string' ? value : value.enabled;
  };
  return {
    actor,
    clock,
    questions,
    health,
    newest: () => questions.at(-1) ?? expect.fail('nothing was asked'),
  };
}

describe('component machine', () => {
  it('asks nothing while disabled', () => {
    const { clock, questions, health } = driver();
    clock.increment(10_000);
    expect(questions).to.be.empty;
    expect(health()).to.equal('disabled');
  });

  it('asks at once when enabled, and again after the interval', async () => {
    const { actor, clock, questions, health, newest } = driver();
    actor.send({ type: 'component.enable' });
    expect(questions).to.have.length(1);
    await newest().answer('idle');
    expect(health()).to.equal('responding');
    clock.increment(999);
    expect(questions).to.have.length(1);
    clock.increment(1);
    expect(questions).to.have.length(2);
  });

  it('works out anew when to ask when something else is expected', async () => {
    const { actor, clock, questions, newest } = driver();
    actor.send({ type: 'component.enable' });
    actor.send({ type: 'component.expect' });
    expect(questions).to.have.length(1);
    await newest().answer('idle');
    clock.increment(600);
    actor.send({ type: 'component.expect' });
    clock.increment(999);
    expect(questions).to.have.length(1);
    clock.increment(1);
    expect(questions).to.have.length(2);
  });

  it('asks one question at a time, however slow the answer', () => {
    const { actor, clock, questions } = driver();
    actor.send({ type: 'component.enable' });
    clock.increment(60_000);
    expect(questions).to.have.length(1);
  });

  it('doubts what it saw and drops an answer under way when told to look', async () => {
    const { actor, questions, newest } = driver();
    actor.send({ type: 'component.enable' });
    await newest().answer('idle');
    actor.send({ type: 'component.look' });
    const old = newest();
    actor.send({ type: 'component.look' });
    expect(old.signal.aborted).to.equal(true);
    expect(questions).to.have.length(3);
    await old.answer('out of date');
    expect(actor.getSnapshot().context.observation).to.equal(null);
    await newest().answer('running');
    expect(actor.getSnapshot().context.observation).to.deep.equal({ status: 'running' });
  });

  it('believes what it is told, drops an answer under way, and asks again after the interval', async () => {
    const { actor, clock, questions, health, newest } = driver();
    actor.send({ type: 'component.enable' });
    const old = newest();
    actor.send({ type: 'component.told', observation: { status: 'configured' } });
    expect(old.signal.aborted).to.equal(true);
    await old.answer('out of date');
    expect(actor.getSnapshot().context.observation).to.deep.equal({ status: 'configured' });
    expect(health()).to.equal('responding');
    clock.increment(1_000);
    expect(questions).to.have.length(2);
  });

  it('is notResponding from the first silence, lost after the limit, and responding with the next answer', async () => {
    const { actor, clock, health, newest } = driver();
    actor.send({ type: 'component.enable' });
    await newest().fail();
    expect(health()).to.deep.equal({ notResponding: 'missed' });
    expect(actor.getSnapshot().context.error).to.equal(SILENCE);
    clock.increment(4_999);
    expect(health()).to.deep.equal({ notResponding: 'missed' });
    clock.increment(1);
    expect(health()).to.deep.equal({ notResponding: 'lost' });
    await newest().answer('idle');
    expect(health()).to.equal('responding');
    expect(actor.getSnapshot().context.error).to.equal(null);
  });

  it('forgets what it knew when disabled, and stops asking', async () => {
    const { actor, clock, questions, newest } = driver();
    actor.send({ type: 'component.enable' });
    await newest().fail();
    actor.send({ type: 'component.disable' });
    const { observation, error } = actor.getSnapshot().context;
    expect([observation, error]).to.deep.equal([null, null]);
    const asked = questions.length;
    clock.increment(60_000);
    expect(questions).to.have.length(asked);
  });
});
