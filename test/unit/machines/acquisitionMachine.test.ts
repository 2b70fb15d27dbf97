import { expect } from 'chai';
import type { AcquisitionPlan } from '../../../src/contracts/acquisition.js';
import { driver, OUTCOME, PLAN, STATES } from '../../support/acquisitionDriver.js';

describe('acquisition machine', () => {
  it('goes from configuring straight to starting when start brought the config', async () => {
    const machine = driver();
    machine.command('acquisition.start', true);
    await machine.end('done');
    expect(machine.state()).to.equal('starting');
    expect(machine.calls.map(({ name }) => name)).to.deep.equal(['configureComponents', 'startComponents']);
  });

  it('hands trigger_start down to the start', async () => {
    const machine = driver();
    await machine.driveTo('configured');
    machine.actor.send({ type: 'acquisition.start', triggerStart: false });
    expect(machine.calls.at(-1)?.input).to.include({ triggerStart: false });
  });

  for (const command of ['acquisition.stop', 'acquisition.reset', 'acquisition.kill'] as const) {
    for (const state of ['configuring', 'starting', 'running.verifying', 'error.settling'] as const) {
      it(`aborts the work of ${state} on ${command}`, async () => {
        const machine = driver();
        await machine.driveTo(state);
        const work = machine.calls.at(-1);
        expect(work?.signal.aborted).to.equal(false);
        machine.command(command);
        expect(work?.signal.aborted).to.equal(true);
      });
    }
  }

  it('ends a stand-down that hangs when kill comes, and stands down by force', async () => {
    const machine = driver();
    await machine.driveTo('resetting');
    const hanging = machine.calls.at(-1);
    machine.command('acquisition.kill');
    expect(hanging?.signal.aborted).to.equal(true);
    expect(machine.calls.at(-1)?.input).to.deep.equal({ how: 'kill' });
  });

  it('makes the detector safe before an error settles', async () => {
    const machine = driver();
    await machine.driveTo('starting');
    await machine.end('failed');
    expect(machine.state()).to.equal('error.settling');
    expect(machine.calls.at(-1)?.name).to.equal('makeSafe');
    await machine.end('failed');
    expect(machine.state()).to.equal('error.settled');
  });

  for (const [state, deadlineMs] of [
    ['configuring', 60_000],
    ['starting', 60_000],
    ['stopping', 60_000],
    ['resetting', 60_000],
    ['running.verifying', 60_000],
  ] as const) {
    it(`does not wait longer than its deadline in ${state}`, async () => {
      const machine = driver();
      await machine.driveTo(state);
      machine.clock.increment(deadlineMs - 1);
      expect(machine.state()).to.equal(state);
      machine.clock.increment(1);
      expect(machine.state()).to.equal('error.settling');
      expect(machine.actor.getSnapshot().context.error?.code).to.equal('component_timeout');
      machine.clock.increment(deadlineMs);
      expect(machine.state()).to.equal('error.settled');
    });
  }

  it('gives the writers more time with every frame they write after the detector stopped', async () => {
    const machine = driver();
    await machine.driveTo('running.draining');
    machine.clock.increment(4_000);
    machine.see('writer', 'writing', 3);
    machine.clock.increment(4_000);
    machine.see('writer', 'writing', 4);
    machine.clock.increment(4_999);
    machine.see('writer', 'writing', 4);
    expect(machine.state()).to.equal('running.draining');
    machine.clock.increment(1);
    expect(machine.state()).to.equal('running.verifying');
    expect(machine.calls.at(-1)?.input).to.deep.equal({ endWriters: true });
  });

  it('judges the files at once when a writer ends before its frames are written', async () => {
    const machine = driver();
    await machine.driveTo('running.acquiring');
    machine.see('detector', 'running');
    machine.see('writer', 'stopped', 4);
    expect(machine.state()).to.equal('running.verifying');
  });

  it('notices that a writer was restarted in mid-run, although the new one says that nothing is asked of it', async () => {
    for (const expected of [10, 0]) {
      const machine = driver({ ...OUTCOME, expectedFrames: { writer: expected } });
      await machine.driveTo('running.acquiring');
      machine.see('detector', 'running');
      machine.see('writer', 'writing', 4, expected);
      expect(machine.state()).to.equal('running.acquiring');
      machine.see('writer', 'stopped', 0, 0);
      expect(machine.state(), `${expected} frames`).to.equal('running.verifying');
    }
  });

  it('waits for the writers alone when no detector takes part', async () => {
    const machine = driver({ ...OUTCOME, detectors: [], auxiliaryWriters: [] });
    await machine.driveTo('running.acquiring');
    expect(machine.state()).to.equal('running.acquiring');
    machine.see('writer', 'receiving', 5);
    expect(machine.state()).to.equal('running.acquiring');
    machine.see('writer', 'finished', 10);
    expect(machine.state()).to.equal('running.verifying');
  });

  it('ends with the detectors when no writer takes part', async () => {
    const machine = driver({ ...OUTCOME, writers: [], auxiliaryWriters: [] });
    await machine.driveTo('running.acquiring');
    machine.see('detector', 'running');
    expect(machine.state()).to.equal('running.acquiring');
    machine.see('detector', 'idle');
    expect(machine.state()).to.equal('running.verifying');
  });

  for (const command of ['acquisition.configure', 'acquisition.start'] as const) {
    it(`takes a config with ${command} in finished only where the deployment restarts from there`, async () => {
      for (const restarts of [false, true]) {
        const machine = driver(OUTCOME, restarts);
        await machine.driveTo('finished');
        machine.command(command, true);
        expect(machine.state()).to.equal(restarts ? 'configuring' : 'finished');
        machine.stop();
      }
      const machine = driver(OUTCOME, true);
      await machine.driveTo('finished');
      machine.command('acquisition.start', false);
      expect(machine.state()).to.equal('finished');
    });
  }

  describe('when no frame comes', () => {
    const stalling = async (stall: Partial<AcquisitionPlan['stall']>) => {
      const machine = driver(OUTCOME, false, { ...PLAN, stall: { ...PLAN.stall, ...stall } });
      await machine.driveTo('running.acquiring');
      return machine;
    };
    const stalled = (machine: ReturnType<typeof driver>) => machine.actor.getSnapshot().context.stalled;

    it('has stalled after the timeout, and no more with the next frame', async () => {
      const machine = await stalling({ timeoutMs: 700 });
      machine.clock.increment(699);
      expect(stalled(machine)).to.equal(false);
      machine.clock.increment(1);
      expect(stalled(machine)).to.equal(true);
      expect(machine.state()).to.equal('running.acquiring');
      machine.see('writer', 'writing', 1);
      expect(stalled(machine)).to.equal(false);
      machine.clock.increment(600);
      machine.see('writer', 'writing', 1);
      machine.clock.increment(100);
      expect(stalled(machine)).to.equal(true);
    });

    it('is in error when the deployment says so', async () => {
      const machine = await stalling({ timeoutMs: 700, fails: true });
      machine.clock.increment(700);
      expect(machine.state()).to.equal('error.settling');
      expect(machine.actor.getSnapshot().context.error?.message).to.equal('acquire');
    });

    it('waits for the first trigger for ever when told, and for no later one', async () => {
      const machine = await stalling({ timeoutMs: 700, waitsForTrigger: true });
      for (let hours = 0; hours < 10; hours++) machine.clock.increment(3_600_000);
      expect(stalled(machine)).to.equal(false);
      machine.see('writer', 'writing', 1);
      machine.clock.increment(700);
      expect(stalled(machine)).to.equal(true);
    });
  });

  it('goes on where the controller before it was, from initialized only', async () => {
    const resumed = { type: 'controller.resumed', to: 'running', plan: PLAN, outcome: OUTCOME } as const;
    const machine = driver();
    machine.actor.send(resumed);
    expect(machine.state()).to.equal('running.acquiring');
    expect(machine.actor.getSnapshot().context).to.include({ files: OUTCOME.files, plan: PLAN });
    machine.see('detector', 'idle');
    machine.see('writer', 'finished', 10);
    machine.see('bsread', 'finished', 10);
    expect(machine.state()).to.equal('running.verifying');
    for (const state of STATES.filter((one) => one !== 'initialized')) {
      const other = driver();
      await other.driveTo(state);
      other.actor.send(resumed);
      expect(other.state()).to.equal(state);
      other.stop();
    }
  });

  it('waits for the slowest of several detectors and writers', async () => {
    const machine = driver({
      files: {},
      detectors: ['a.detector', 'b.detector'],
      writers: ['a.writer', 'b.writer'],
      auxiliaryWriters: [],
      expectedFrames: { 'a.writer': 10, 'b.writer': 10 },
    });
    await machine.driveTo('configured');
    machine.command('acquisition.start', false);
    await machine.end('done');
    machine.see('a.detector', 'idle');
    machine.see('a.writer', 'finished', 10);
    expect(machine.state()).to.equal('running.acquiring');
    machine.see('b.detector', 'idle');
    expect(machine.state()).to.equal('running.draining');
    machine.see('b.writer', 'finished', 10);
    expect(machine.state()).to.equal('running.verifying');
  });

  it('does not take a status of an earlier run for one of this run', async () => {
    const machine = driver();
    machine.see('detector', 'idle');
    machine.see('writer', 'finished', 10);
    await machine.driveTo('running.acquiring');
    expect(machine.state()).to.equal('running.acquiring');
  });

  it('goes to error when a component is lost, in every part of the run and only there', async () => {
    for (const state of STATES) {
      const machine = driver();
      await machine.driveTo(state);
      const before = machine.state();
      machine.actor.send({
        type: 'component.lost',
        component: 'backend',
        error: machine.actor.getSnapshot().context.deadlineError('test'),
      });
      expect(machine.state(), state).to.equal(state.startsWith('running') ? 'error.settling' : before);
      machine.stop();
    }
  });
});
