import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { AcquisitionValidator } from '../../../src/config/acquisitionConfig.js';
import { packagedDeploymentsFolder } from '../../../src/config/findDeployment.js';
import type { JsonObject, Section } from '../../../src/contracts/json.js';

async function validatorOf(deployment: string): Promise<AcquisitionValidator> {
  const file = join(packagedDeploymentsFolder(), deployment, 'config.schema.json');
  return AcquisitionValidator.fromText(await readFile(file, 'utf8'), file);
}

type Config = Record<string, Section>;
/** A change of one section; undefined takes a field out. */
type Change = Record<string, Record<string, unknown>>;

function changed(config: Config, change: Change): JsonObject {
  const merged = Object.entries(config).map(([name, section]) => [name, { ...section, ...change[name] }]);
  // A text form and back again takes out what is undefined.
  return JSON.parse(JSON.stringify(Object.fromEntries(merged)));
}

describe('the config schema of csaxs-eiger9m', () => {
  let validator: AcquisitionValidator;
  before(async () => {
    validator = await validatorOf('csaxs-eiger9m');
  });

  const example: Config = {
    backend: { bit_depth: 32, preview_modulo: 10 },
    detector: { dr: 32, frames: 100, period: 0.04, exptime: 0.001, timing: 'auto', cycles: 1 },
    writer: { n_frames: 100, output_file: 'daq_test_32b_100f.h5', user_id: 11057 },
  };

  it("takes the beamline's example as it is, without a warning", () => {
    expect(validator.validate(example)).to.deep.equal({ config: example, findings: [], warnings: [] });
  });

  const accepted: [string, Change][] = [
    ['no frames of the backend', { backend: { n_frames: 0 } }],
    ['a trigger for each frame', { detector: { timing: 'trigger', cycles: 100, frames: 1 } }],
    ['a whole number for a time', { detector: { period: 1, exptime: 1 } }],
    ['n_frames for frames', { detector: { n_frames: 100, frames: undefined } }],
    ['n_frames beside the same frames', { detector: { n_frames: 100 } }],
    ['the ends of the range of accounts', { writer: { user_id: 29999 } }],
  ];
  for (const [what, change] of accepted) {
    it(`takes ${what}`, () => {
      const { findings, warnings } = validator.validate(changed(example, change));
      expect({ findings, warnings }).to.deep.equal({ findings: [], warnings: [] });
    });
  }

  it('hands n_frames of the detector on as frames', () => {
    const { config } = validator.validate(
      changed(example, { detector: { frames: undefined, n_frames: 100 } }),
    );
    expect(config.detector).to.deep.equal(example.detector);
  });

  it('lets an update by the other name replace what there is', () => {
    const { config, findings } = validator.merge(example, { detector: { n_frames: 7 } });
    expect(findings).to.deep.equal([]);
    expect(config.detector).to.deep.equal({ ...example.detector, frames: 7 });
  });

  for (const [exptime, period] of [
    [0.001, 0.04],
    [-1, -1],
  ]) {
    it(`sets exptime and period to -1 with timing gating, given ${exptime} and ${period}`, () => {
      const given = changed(example, {
        detector: { timing: 'gating', cycles: 100, frames: 1, exptime, period },
      });
      const { config, findings } = validator.validate(given);
      expect(findings).to.deep.equal([]);
      expect(config.detector).to.include({ exptime: -1, period: -1 });
    });
  }

  const missing =
    "Detector configuration missing mandatory parameters: ['period', 'frames', 'dr', 'exptime', 'timing', 'cycles']";
  const refused: [string, Change, string[]][] = [
    [
      'no writer parameters',
      { writer: { n_frames: undefined, user_id: undefined, output_file: undefined, x: 1 } },
      ["Writer configuration missing mandatory parameters: ['n_frames', 'user_id', 'output_file']"],
    ],
    [
      'no output file',
      { writer: { output_file: undefined } },
      ["Writer configuration missing mandatory parameters: ['output_file']"],
    ],
    [
      'no bit depth',
      { backend: { bit_depth: undefined } },
      ["Backend configuration missing mandatory parameters: ['bit_depth']"],
    ],
    [
      'no detector parameters',
      {
        detector: {
          period: undefined,
          frames: undefined,
          dr: undefined,
          exptime: undefined,
          timing: undefined,
          cycles: undefined,
          x: 1,
        },
      },
      [missing],
    ],
    [
      'a strange account',
      { writer: { user_id: 10 } },
      ['Provided user_id 10 outside of specified range [10000-29999].'],
    ],
    [
      'the account of nobody',
      { writer: { user_id: -1 } },
      ['Provided user_id -1 outside of specified range [10000-29999].'],
    ],
    [
      'frames of the backend',
      { backend: { n_frames: 100 } },
      ["Invalid config. Backend 'n_frames' set to '100'. It must be 0 or absent."],
    ],
    [
      'different bit depths',
      { backend: { bit_depth: 16 } },
      ["Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '32'. They must be equal."],
    ],
    [
      'other frames with auto',
      { detector: { frames: 1 } },
      [
        "Invalid config. Writer 'n_frames' set to '100', but detector 'frames' set to '1' with timing 'auto'. They must be equal.",
      ],
    ],
    [
      'other cycles with trigger',
      { detector: { timing: 'trigger' } },
      [
        "Invalid config. Writer 'n_frames' set to '100', but detector 'cycles' set to '1' with timing 'trigger'. They must be equal.",
      ],
    ],
    [
      'other cycles with gating',
      { detector: { timing: 'gating' } },
      [
        "Invalid config. Writer 'n_frames' set to '100', but detector 'cycles' set to '1' with timing 'gating'. They must be equal.",
      ],
    ],
    [
      'a strange timing',
      { detector: { timing: 'burst' } },
      [`Detector parameter 'timing' expected 'auto', 'trigger' or 'gating', got "burst".`],
    ],
    [
      'times of a gate without one',
      { detector: { exptime: -1, period: -1 } },
      [
        "Detector parameter 'period' expected a number of seconds from 0 to 86400, got -1.",
        "Detector parameter 'exptime' expected a number of seconds above 0, at most 86400, got -1.",
      ],
    ],
    [
      'two numbers of frames',
      { detector: { n_frames: 50 } },
      [
        "Invalid config. Detector 'n_frames' set to '50', but 'frames' set to '100'. They are names of the same parameter.",
      ],
    ],
    [
      'a wrong number under the other name',
      { detector: { frames: undefined, n_frames: '5' } },
      [`Detector parameter 'frames' expected a whole number of frames from 1 to 1000000000, got "5".`],
    ],
    [
      'everything at once, in the order of the sections',
      { writer: { user_id: 10 }, backend: { n_frames: 1, bit_depth: 16 }, detector: { exptime: 0 } },
      [
        'Provided user_id 10 outside of specified range [10000-29999].',
        "Invalid config. Backend 'n_frames' set to '1'. It must be 0 or absent.",
        "Detector parameter 'exptime' expected a number of seconds above 0, at most 86400, got 0.",
        "Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '32'. They must be equal.",
      ],
    ],
  ];
  for (const [what, change, findings] of refused) {
    it(`refuses ${what}`, () => {
      expect(validator.validate(changed(example, change)).findings).to.deep.equal(findings);
    });
  }

  it('does not compare with a disabled detector', () => {
    const { findings } = validator.validate(changed(example, { detector: { frames: 1, n_frames: 2 } }), {
      disabled: ['detector'],
    });
    expect(findings).to.deep.equal([]);
  });
});

describe('the config schema of swissfel-jungfrau', () => {
  let validator: AcquisitionValidator;
  before(async () => {
    validator = await validatorOf('swissfel-jungfrau');
  });

  const general = {
    'general/created': 'today',
    'general/user': 'p11057',
    'general/process': 'dia',
    'general/instrument': 'jungfrau',
  };
  const example: Config = {
    backend: { bit_depth: 16, n_frames: 10 },
    detector: { dr: 16, cycles: 10, exptime: 0.001 },
    writer: { n_frames: 10, output_file: 'test_dia.h5', user_id: 11057, ...general },
    bsread: { output_file: 'test_bsread.h5', user_id: 16582, ...general },
  };

  it("takes the beamline's example as it is, without a warning", () => {
    expect(validator.validate(example)).to.deep.equal({ config: example, findings: [], warnings: [] });
  });

  it('leaves /dev/null as it is, and completes other names', () => {
    const given = changed(example, { writer: { output_file: '/dev/null' }, bsread: { output_file: 'b' } });
    const { config, findings } = validator.validate(given);
    expect(findings).to.deep.equal([]);
    expect([config.writer?.output_file, config.bsread?.output_file]).to.deep.equal(['/dev/null', 'b.h5']);
  });

  it('names its four sections when one is missing', () => {
    const { bsread: _left, ...others } = example;
    expect(validator.validate(others).findings).to.deep.equal([
      "Specify config JSON with 4 root elements: 'writer', 'backend', 'detector', 'bsread'.",
    ]);
  });

  const refused: [string, Change, string[]][] = [
    [
      'missing descriptions',
      {
        writer: { 'general/created': undefined, 'general/user': undefined },
        bsread: { 'general/instrument': undefined },
      },
      [
        "Writer configuration missing mandatory parameters: ['general/created', 'general/user']",
        "Bsread configuration missing mandatory parameters: ['general/instrument']",
      ],
    ],
    [
      'a description that is no text',
      { bsread: { 'general/user': 11057 } },
      ["Bsread parameter 'general/user' expected a text, got 11057."],
    ],
    [
      'other triggers',
      { detector: { cycles: 1 } },
      [
        "Invalid config. Backend 'n_frames' set to '10', but detector 'cycles' set to '1'. They must be equal.",
      ],
    ],
    [
      'other frames',
      { writer: { n_frames: 100 } },
      [
        "Invalid config. Backend 'n_frames' set to '10', but writer 'n_frames' set to '100'. They must be equal.",
      ],
    ],
    [
      'a bit depth that no Jungfrau has',
      { detector: { dr: 32 } },
      [
        "Detector parameter 'dr' expected 16, got 32.",
        "Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '32'. They must be equal.",
      ],
    ],
    [
      'a strange account of bsread',
      { bsread: { user_id: 10 } },
      ['Provided user_id 10 outside of specified range [10000-29999].'],
    ],
  ];
  for (const [what, change, findings] of refused) {
    it(`refuses ${what}`, () => {
      expect(validator.validate(changed(example, change)).findings).to.deep.equal(findings);
    });
  }
});
