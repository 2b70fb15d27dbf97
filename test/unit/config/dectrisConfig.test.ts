import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { AcquisitionValidator } from '../../../src/config/acquisitionConfig.js';
import { packagedDeploymentsFolder } from '../../../src/config/findDeployment.js';

describe('the config schema of dectris-eiger2', () => {
  let validator: AcquisitionValidator;
  before(async () => {
    const file = join(packagedDeploymentsFolder(), 'dectris-eiger2', 'config.schema.json');
    validator = AcquisitionValidator.fromText(await readFile(file, 'utf8'), file);
  });

  const config = (frames: number, detector: Record<string, number | string> = {}) => ({
    writer: { output_file: 'test.h5', n_frames: frames, user_id: 0 },
    backend: { bit_depth: 16, n_frames: frames },
    detector: { period: 0.1, frames, exptime: 0.01, dr: 16, ...detector },
  });

  const accepted: [string, ReturnType<typeof config>][] = [
    ["the quick start's config", config(100)],
    ['one trigger for all frames', config(100, { timing: 'trigger', cycles: 1 })],
    ['a gate for each frame', config(100, { timing: 'gating', frames: 1, cycles: 100 })],
    ['energies', config(1, { photon_energy: 12_400, threshold_energy: 6200 })],
  ];
  for (const [what, given] of accepted) {
    it(`takes ${what}`, () => {
      const { findings, warnings } = validator.validate(given);
      expect({ findings, warnings }).to.deep.equal({ findings: [], warnings: [] });
    });
  }

  const refused: [string, ReturnType<typeof config>, RegExp][] = [
    ['a trigger for each frame', config(100, { timing: 'trigger', cycles: 100 }), /one trigger gives all/],
    ['triggers without a timing', config(100, { cycles: 2 }), /one trigger gives all/],
    ['gates of several frames', config(100, { timing: 'gating', cycles: 100 }), /each gate gives one frame/],
    [
      'other gates than frames',
      config(100, { timing: 'gating', frames: 1, cycles: 5 }),
      /'cycles' set to '5'/,
    ],
    ['other frames than the backend', config(100, { frames: 5 }), /Backend 'n_frames' set to '100'/],
    ['a bit depth that the file does not get', config(100, { dr: 32 }), /'bit_depth' set to '16'/],
    ['a period of nothing', config(100, { period: 0 }), /period/],
  ];
  for (const [what, given, text] of refused) {
    it(`refuses ${what}`, () => {
      expect(validator.validate(given).findings.join(' ')).to.match(text);
    });
  }
});
