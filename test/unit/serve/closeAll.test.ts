import { expect } from 'chai';
import { closeAll } from '../../../src/closeAll.js';
import { thrownBy } from '../../support/calls.js';

describe('closeAll', () => {
  it('runs every step once, the last one first, whatever fails, and throws the first error', async () => {
    const run: string[] = [];
    const step = (name: string, error?: Error) => async () => {
      run.push(name);
      if (error !== undefined) throw error;
    };
    const first = new Error('of the server');
    const steps = [step('log'), step('services', new Error('of the services')), step('server', first)];
    expect(await thrownBy(closeAll(steps))).to.equal(first);
    expect(run).to.deep.equal(['server', 'services', 'log']);
    await closeAll(steps);
    expect(run).to.have.lengthOf(3);
  });
});
