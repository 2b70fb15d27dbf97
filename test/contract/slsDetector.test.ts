import { createDetector } from '../../src/adapters/registry.js';
import { SlsPrograms } from '../support/slsPrograms.js';
import { describeDetectorContract } from './detectorContract.js';

/** Exposures long enough to be seen by tests that start a program for every look. */
const SLOWNESS = 40;

for (const receiver of ['none', 'detector'] as const) {
  describeDetectorContract(`sls with receiver: ${receiver}`, async () => {
    const programs = await SlsPrograms.start({ slowness: SLOWNESS });
    const options = { commandFolder: programs.folder, receiver, fixedParameters: { powerchip: '1' } };
    return {
      detector: createDetector('sls', 'detector', options),
      freeze: () => programs.freeze(),
      wake: () => programs.wake(),
      end: () => programs.end(),
    };
  });
}
