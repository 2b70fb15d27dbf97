import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { AcquisitionValidator, invalidConfig } from '../../../src/config/acquisitionConfig.js';
import { packagedDeploymentsFolder } from '../../../src/config/findDeployment.js';

const FILE = join(packagedDeploymentsFolder(), 'simulation', 'config.schema.json');

/** The quick start's config, with changes; a parameter set to undefined is taken out. */
function config(changes: Record<string, Record<string, unknown>> = {}) {
  const sections: Record<string, Record<string, unknown>> = {
    writer: { output_file: '/tmp/test.h5', n_frames: 100, user_id: 0 },
    backend: { bit_depth: 16, n_frames: 100 },
    detector: { period: 0.1, frames: 100, exptime: 0.01, dr: 16 },
  };
  return Object.fromEntries(
    Object.entries(sections).map(([name, section]) => [
      name,
      Object.fromEntries(
        Object.entries({ ...section, ...changes[name] }).filter(([, value]) => value !== undefined),
      ),
    ]),
  );
}

const ROOT_TEXT = "Specify config JSON with 3 root elements: 'writer', 'backend', 'detector'.";

describe('AcquisitionValidator with the schema of the simulation', () => {
  let validator: AcquisitionValidator;
  const findings = (given: unknown, disabled: string[] = []) =>
    validator.validate(given, { disabled }).findings;

  before(async () => {
    validator = AcquisitionValidator.fromText(await readFile(FILE, 'utf8'), FILE);
  });

  it('accepts the quick start as it is printed', () => {
    expect(validator.validate(config())).to.deep.equal({ config: config(), findings: [], warnings: [] });
  });

  it('knows its sections in the order of the findings, and the config before the first one', () => {
    expect(validator.sections).to.deep.equal(['writer', 'backend', 'detector']);
    expect(validator.emptyConfig()).to.deep.equal({ writer: {}, backend: {}, detector: {} });
  });

  const texts: [string, unknown, string[]][] = [
    ['nothing', {}, [ROOT_TEXT]],
    ['null', null, [ROOT_TEXT]],
    ['a list', [], [ROOT_TEXT]],
    ['a text', 'writer', [ROOT_TEXT]],
    ['a missing section', { writer: config().writer, backend: config().backend }, [ROOT_TEXT]],
    ['a section too many', { ...config(), bsread: {} }, [ROOT_TEXT]],
    ['a section of a strange name', JSON.parse('{"writer":{},"backend":{},"__proto__":{}}'), [ROOT_TEXT]],
    [
      'empty sections',
      { detector: {}, backend: {}, writer: {} },
      [
        'Writer configuration cannot be empty.',
        'Backend configuration cannot be empty.',
        'Detector configuration cannot be empty.',
      ],
    ],
    ['a section that is null', { ...config(), backend: null }, ['Backend configuration cannot be empty.']],
    [
      'a section that is no object',
      { ...config(), writer: 5 },
      ['Writer configuration expected a JSON object, got 5.'],
    ],
    [
      'no output file',
      config({ writer: { output_file: undefined } }),
      ["Writer configuration missing mandatory parameters: ['output_file']"],
    ],
    [
      'nothing that is mandatory',
      { writer: { a: 1 }, backend: { a: 1 }, detector: { a: 1 } },
      [
        "Writer configuration missing mandatory parameters: ['n_frames', 'user_id', 'output_file']",
        "Backend configuration missing mandatory parameters: ['bit_depth', 'n_frames']",
        "Detector configuration missing mandatory parameters: ['period', 'frames', 'dr', 'exptime']",
      ],
    ],
    [
      'bit depths that differ',
      config({ detector: { dr: 32 } }),
      ["Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '32'. They must be equal."],
    ],
    [
      'frames of backend and detector that differ',
      config({ backend: { n_frames: 1000 }, detector: { frames: 1 }, writer: { n_frames: 1000 } }),
      [
        "Invalid config. Backend 'n_frames' set to '1000', but detector 'frames' set to '1'. They must be equal.",
      ],
    ],
    [
      'frames of backend and writer that differ',
      config({ backend: { n_frames: 1000 }, detector: { frames: 1000 }, writer: { n_frames: 10000 } }),
      [
        "Invalid config. Backend 'n_frames' set to '1000', but writer 'n_frames' set to '10000'. They must be equal.",
      ],
    ],
    [
      'a user id that is no account',
      config({ writer: { user_id: 10 } }),
      ['Provided user_id 10 outside of specified range [10000-29999].'],
    ],
    [
      'a user id of the wrong type',
      config({ writer: { user_id: 'p11057' } }),
      [`Writer parameter 'user_id' expected a whole number, got "p11057".`],
    ],
    [
      'a text instead of seconds',
      config({ detector: { exptime: 'abc' } }),
      [`Detector parameter 'exptime' expected a number of seconds above 0, got "abc".`],
    ],
    [
      'no exposure at all',
      config({ detector: { exptime: 0 } }),
      [`Detector parameter 'exptime' expected a number of seconds above 0, got 0.`],
    ],
    [
      'a bit depth that does not exist',
      config({ detector: { dr: 17 }, backend: { bit_depth: 17 } }),
      [
        "Backend parameter 'bit_depth' expected 8, 16 or 32, got 17.",
        "Detector parameter 'dr' expected 8, 16 or 32, got 17.",
      ],
    ],
    [
      'an output file that is a folder',
      config({ writer: { output_file: 'run7/' } }),
      [`Writer parameter 'output_file' expected the name of a file, got "run7/".`],
    ],
    [
      'an output file with a line break',
      config({ writer: { output_file: 'a\nb' } }),
      [`Writer parameter 'output_file' expected the name of a file, got "a\\nb".`],
    ],
    [
      'half a frame',
      config({ writer: { n_frames: 99.5 } }),
      ["Writer parameter 'n_frames' expected a whole number of frames from 0 to 1000000000, got 99.5."],
    ],
    [
      'a detector that should run without end',
      config({ writer: { n_frames: 0 }, backend: { n_frames: 0 }, detector: { frames: 0 } }),
      ["Detector parameter 'frames' expected a whole number of frames from 1 to 1000000000, got 0."],
    ],
    [
      'more triggers than the frames are for',
      config({ detector: { timing: 'trigger', cycles: 2 } }),
      [
        "Invalid config. Detector 'cycles' set to '2' with timing 'trigger', but the acquisition takes the 'frames' of one trigger. It must be 1.",
      ],
    ],
    [
      'a parameter that would change the prototype',
      { ...config(), backend: JSON.parse('{"bit_depth": 16, "n_frames": 100, "__proto__": {"a": 1}}') },
      ["Backend parameter '__proto__' is not allowed."],
    ],
  ];
  for (const [what, given, expected] of texts) {
    it(`finds ${what}`, () => {
      expect(findings(given)).to.deep.equal(expected);
    });
  }

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300, null, true, [], {}, '1']) {
    it(`refuses ${inspect(value)} for a number`, () => {
      expect(findings(config({ detector: { period: value } }))).to.have.lengthOf(1);
      expect(findings(config({ detector: { exptime: value } }))).to.have.lengthOf(1);
      expect(findings(config({ writer: { n_frames: value } }))[0]).to.match(
        /^Writer parameter 'n_frames' expected/,
      );
    });
  }

  for (const userId of [-1, 0, 10000, 29999]) {
    it(`accepts user id ${userId}`, () => {
      expect(findings(config({ writer: { user_id: userId } }))).to.deep.equal([]);
    });
  }

  for (const userId of [-2, 1, 9999, 30000]) {
    it(`refuses user id ${userId}`, () => {
      expect(findings(config({ writer: { user_id: userId } }))).to.deep.equal([
        `Provided user_id ${userId} outside of specified range [10000-29999].`,
      ]);
    });
  }

  it('reports everything at once: writer, backend, detector, then rules between them', () => {
    const broken = {
      detector: { frames: 1, dr: 32, exptime: 'abc' },
      backend: { n_frames: 1000, bit_depth: 16 },
      writer: { user_id: 10, n_frames: 10000 },
    };
    const expected = [
      "Writer configuration missing mandatory parameters: ['output_file']",
      'Provided user_id 10 outside of specified range [10000-29999].',
      "Detector configuration missing mandatory parameters: ['period']",
      `Detector parameter 'exptime' expected a number of seconds above 0, got "abc".`,
      "Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '32'. They must be equal.",
      "Invalid config. Backend 'n_frames' set to '1000', but detector 'frames' set to '1'. They must be equal.",
      "Invalid config. Backend 'n_frames' set to '1000', but writer 'n_frames' set to '10000'. They must be equal.",
    ];
    expect(findings(broken)).to.deep.equal(expected);
    expect(invalidConfig(findings(broken)).message).to.equal(expected.join(' '));
  });

  it('keeps that order whatever kind of finding it is', () => {
    const writer = JSON.parse('{"n_frames": 100, "user_id": 10, "output_file": "a", "__proto__": {}}');
    expect(findings({ ...config({ detector: { dr: 5 } }), writer })).to.deep.equal([
      'Provided user_id 10 outside of specified range [10000-29999].',
      "Writer parameter '__proto__' is not allowed.",
      "Detector parameter 'dr' expected 8, 16 or 32, got 5.",
      "Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '5'. They must be equal.",
    ]);
  });

  it('says nothing about rules between values of which one is missing or of the wrong type', () => {
    expect(findings(config({ detector: { frames: undefined, dr: '16' } }))).to.deep.equal([
      "Detector configuration missing mandatory parameters: ['frames']",
      `Detector parameter 'dr' expected 8, 16 or 32, got "16".`,
    ]);
  });

  it('takes any number of cycles for what it is without triggers: nothing', () => {
    expect(findings(config({ detector: { cycles: 5 } }))).to.deep.equal([]);
    expect(findings(config({ detector: { timing: 'auto', cycles: 5 } }))).to.deep.equal([]);
    expect(findings(config({ detector: { timing: 'trigger' } }))).to.deep.equal([]);
  });

  it('accepts a whole number where seconds are asked for', () => {
    expect(findings(config({ detector: { exptime: 1, period: 2 } }))).to.deep.equal([]);
  });

  it('adds .h5 to the output file in a copy', () => {
    const given = config({ writer: { output_file: 'run7' } });
    expect(validator.validate(given).config.writer?.output_file).to.equal('run7.h5');
    expect(given.writer?.output_file).to.equal('run7');
  });

  it('accepts parameters it does not know, with a warning that names the near one', () => {
    const { findings: found, warnings } = validator.validate(
      config({ writer: { n_frame: 1 }, detector: { vhighvoltage: 120 } }),
    );
    expect(found).to.deep.equal([]);
    expect(warnings).to.deep.equal([
      "Writer parameter 'n_frame' is not in the schema and is passed on unchecked. Did you mean 'n_frames'?",
      "Detector parameter 'vhighvoltage' is not in the schema and is passed on unchecked.",
    ]);
  });

  it('keeps parameters it does not know', () => {
    expect(validator.validate(config({ detector: { settings: 'veryhighgain' } })).config.detector).to.include(
      {
        settings: 'veryhighgain',
      },
    );
  });

  it('leaves out sections of disabled components and the rules that need them', () => {
    const { writer, ...others } = config();
    expect(findings(others, ['writer'])).to.deep.equal([]);
    expect(findings({ ...others, writer: {} }, ['writer'])).to.deep.equal([]);
    expect(findings({ ...others, writer: { n_frames: 3 } }, ['writer', 'trigger'])).to.deep.equal([]);
    expect(findings({ writer, backend: { n_frames: 3, bit_depth: 32 } }, ['detector'])).to.deep.equal([
      "Invalid config. Backend 'n_frames' set to '3', but writer 'n_frames' set to '100'. They must be equal.",
    ]);
  });

  it('merges null as nothing, and reports a section of another deployment', () => {
    const base = { writer: { n_frames: 1 }, backend: {}, detector: {} };
    expect(validator.merge(base, { writer: { user_id: 0 }, backend: null, writr: {} })).to.deep.equal({
      config: { writer: { n_frames: 1, user_id: 0 }, backend: {}, detector: {} },
      findings: ["Unknown config section 'writr'. Did you mean 'writer'?"],
    });
  });

  it('gives the same findings each time, without changing what it checks', () => {
    const broken = config({
      writer: { user_id: 10, output_file: 'x' },
      detector: { dr: 4, extra: { a: [1] } },
    });
    const before = structuredClone(broken);
    expect(findings(broken)).to.deep.equal(findings(structuredClone(broken)));
    expect(broken).to.deep.equal(before);
  });
});
