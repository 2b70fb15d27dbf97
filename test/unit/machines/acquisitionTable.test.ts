import { expect } from 'chai';
import { driver, STATES } from '../../support/acquisitionDriver.js';
import { COMMANDS, TABLE } from '../../support/acquisitionTable.js';

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
