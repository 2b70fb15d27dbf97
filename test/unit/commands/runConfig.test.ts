import { expect } from 'chai';
import { parseConfig, runConfig } from '../../../src/commands/runConfig.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';

const FILE = {
  writer: { output_file: 'file.h5', n_frames: 5, user_id: 0, 'general/user': 'p1' },
  backend: { bit_depth: 32, n_frames: 5 },
  detector: { period: 1, frames: 5, exptime: 0.5, dr: 32 },
};

describe('the config of a run', () => {
  it('is complete without any flag', () => {
    expect(runConfig({}, null)).to.deep.equal({
      writer: { output_file: 'acquisition.h5', n_frames: 100, user_id: -1 },
      backend: { bit_depth: 16, n_frames: 100 },
      detector: { period: 0.1, frames: 100, exptime: 0.01, dr: 16 },
    });
  });

  it('has a flag in every section that needs it', () => {
    expect(runConfig({ frames: 7, bitDepth: 8, output: 'x' }, null)).to.deep.equal({
      writer: { output_file: 'x', n_frames: 7, user_id: -1 },
      backend: { bit_depth: 8, n_frames: 7 },
      detector: { period: 0.1, frames: 7, exptime: 0.01, dr: 8 },
    });
  });

  it('is the file where no flag is given, with nothing added', () => {
    expect(runConfig({}, FILE)).to.deep.equal(FILE);
    expect(runConfig({}, {})).to.deep.equal({});
  });

  it('is the file with the flags over it, and leaves the file alone', () => {
    const before = structuredClone(FILE);
    expect(runConfig({ exptime: 0, userId: -1 }, FILE)).to.deep.equal({
      ...FILE,
      writer: { ...FILE.writer, user_id: -1 },
      detector: { ...FILE.detector, exptime: 0 },
    });
    expect(FILE).to.deep.equal(before);
  });

  for (const text of ['', '[]', '3', 'null', '{"writer": 3}', '{"writer": null}', '{']) {
    it(`is not read from '${text}', and says from where it came`, () => {
      expect(() => parseConfig(text, 'run.json')).to.throw(
        InvalidRequestError,
        'run.json is no acquisition config',
      );
    });
  }
});
