import { expect } from 'chai';
import { driver, STATES, type StatePath } from '../../support/acquisitionDriver.js';

/** State, status reported, and where each command leads (null: not accepted, nothing happens). */
interface Row {
  readonly state: StatePath;
  readonly status: string;
  readonly configure: StatePath | null;
  readonly start: StatePath | null;
  readonly startWithConfig: StatePath | null;
  readonly stop: StatePath | null;
  readonly reset: StatePath | null;
  readonly kill: StatePath | null;
}

const standDown = { stop: 'resetting', reset: 'resetting', kill: 'resetting' } as const;
const inRun = {
  configure: null,
  start: null,
  startWithConfig: null,
  stop: 'stopping',
  reset: 'resetting',
  kill: 'resetting',
} as const;
const onlyStandDown = { configure: null, start: null, startWithConfig: null, ...standDown } as const;
const onlyKill = {
  configure: null,
  start: null,
  startWithConfig: null,
  stop: null,
  reset: null,
  kill: 'resetting',
} as const;

const TABLE: readonly Row[] = [
  {
    state: 'initialized',
    status: 'INITIALIZED',
    configure: 'configuring',
    start: null,
    startWithConfig: 'configuring',
    ...standDown,
  },
  { state: 'configuring', status: 'INITIALIZED', ...onlyStandDown },
  {
    state: 'configured',
    status: 'CONFIGURED',
    configure: 'configuring',
    start: 'starting',
    startWithConfig: 'configuring',
    ...standDown,
  },
  { state: 'starting', status: 'CONFIGURED', ...onlyStandDown },
  { state: 'running.acquiring', status: 'RUNNING', ...inRun },
  { state: 'running.draining', status: 'DETECTOR_STOPPED', ...inRun },
  { state: 'running.auxiliary', status: 'BSREAD_STILL_RUNNING', ...inRun },
  { state: 'running.verifying', status: 'DETECTOR_STOPPED', ...inRun },
  { state: 'finished', status: 'FINISHED', ...onlyStandDown },
  { state: 'stopping', status: 'RUNNING', ...onlyKill },
  { state: 'resetting', status: 'CONFIGURED', ...onlyKill },
  { state: 'error.settling', status: 'ERROR', ...onlyStandDown },
  { state: 'error.settled', status: 'ERROR', ...onlyStandDown },
];

const COMMANDS = {
  configure: 'acquisition.configure',
  start: 'acquisition.start',
  startWithConfig: 'acquisition.start',
  stop: 'acquisition.stop',
  reset: 'acquisition.reset',
  kill: 'acquisition.kill',
} as const;

describe('acquisition machine: the table of states and commands', () => {
  it('has a row for every state', () => {
    expect(TABLE.map(({ state }) => state)).to.have.members([...STATES]);
  });

  for (const row of TABLE) {
    it(`reports ${row.status} in ${row.state}`, async () => {
      const machine = driver();
      await machine.driveTo(row.state);
      expect(machine.status()).to.equal(row.status);
      machine.stop();
    });

    for (const [name, type] of Object.entries(COMMANDS) as [keyof typeof COMMANDS, string][]) {
      const target = row[name];
      it(`${target === null ? 'does not accept' : `goes to ${target} on`} ${name} in ${row.state}`, async () => {
        const machine = driver();
        await machine.driveTo(row.state);
        const callsBefore = machine.callCount();
        machine.command(type, name !== 'start');
        expect(machine.state()).to.equal(target ?? row.state);
        // An accepted command that stays in a state still begins its work anew.
        if (target === null) expect(machine.callCount()).to.equal(callsBefore);
        else if (target === row.state) expect(machine.callCount()).to.equal(callsBefore + 1);
        machine.stop();
      });
    }
  }
});
