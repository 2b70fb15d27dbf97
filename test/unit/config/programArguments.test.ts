import { expect } from 'chai';
import { argumentFindings, PROGRAM_OPTIONS } from '../../../src/config/programArguments.js';
import { BACKEND_DEFAULTS, DETECTOR_DEFAULTS } from '../../../src/simulation/defaults.js';
import { USAGE } from '../../../src/writer/options.js';

describe('the arguments of programs in a deployment', () => {
  const optionsOf = (program: keyof typeof PROGRAM_OPTIONS) => {
    const { values, flags } = PROGRAM_OPTIONS[program];
    return [...Object.keys(values), ...flags];
  };

  it('are those that the programs know themselves', () => {
    const named = (defaults: object) => Object.keys(defaults).map((name) => `--${name}`);
    expect(optionsOf('simulated-detector')).to.have.members(named(DETECTOR_DEFAULTS));
    expect(optionsOf('simulated-backend')).to.have.members(named(BACKEND_DEFAULTS));
    const inUsage = new Set(USAGE.match(/--[a-z][a-z-]+/g));
    expect(optionsOf('writer')).to.have.members([...inUsage]);
  });

  it('may be addresses that are only known later, and values behind =', () => {
    const args = [
      '--service',
      '--stream',
      '${services.backend.frames}',
      '--http-port=${env.PORT}',
      '--host=::1',
    ];
    expect(argumentFindings({ program: 'writer', args })).to.deep.equal([]);
  });
});
