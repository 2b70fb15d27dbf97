import { createDetector, createTrigger } from '../../src/adapters/registry.js';
import { within } from '../support/calls.js';
import { ServiceProcess } from '../support/serviceProcess.js';
import { describeTriggerContract } from './triggerContract.js';

describeTriggerContract('simulated', async () => {
  const device = await ServiceProcess.start('simulation/detector', ['--shape', '16x32']);
  const endpoint = device.endpoint('control');
  const detector = createDetector('simulated', 'detector', { endpoint });
  await detector.connect();
  const taken = async () => {
    const { frames_sent: sent, frames_dropped: dropped } = await detector.metrics(within());
    return Number(sent) + Number(dropped);
  };
  return {
    trigger: createTrigger('simulated', 'trigger', { endpoint, periodS: 0.005 }),
    arm: async () => {
      await detector.configure(
        { frames: 1, cycles: 1000, exptime: 0, period: 0, timing: 'trigger' },
        within(),
      );
      await detector.start(within());
    },
    taken,
    end: async () => {
      await detector.disconnect();
      await device.stop();
    },
  };
});

describeTriggerContract('none', async () => ({
  trigger: createTrigger('none', 'trigger', {}),
  arm: null,
  taken: async () => 0,
  end: async () => undefined,
}));
