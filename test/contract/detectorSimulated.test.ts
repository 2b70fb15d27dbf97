import { createDetector } from '../../src/adapters/registry.js';
import { ServiceProcess } from '../support/serviceProcess.js';
import { describeDetectorContract } from './detectorContract.js';

describeDetectorContract('simulated', async () => {
  const device = await ServiceProcess.start('simulation/detector', ['--shape', '16x32']);
  return {
    detector: createDetector('simulated', 'detector', { endpoint: device.endpoint('control') }),
    saysState: true,
    freeze: () => device.signal('SIGSTOP'),
    wake: () => device.signal('SIGCONT'),
    end: async () => {
      await device.stop();
    },
  };
});
