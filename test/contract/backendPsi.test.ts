import { createBackend } from '../../src/adapters/registry.js';
import { ServiceProcess } from '../support/serviceProcess.js';
import { describeBackendContract } from './backendContract.js';

describeBackendContract('psi', async () => {
  // Nobody listens at the discard port: no frames come, and none are needed here.
  const process = await ServiceProcess.start('simulation/backend', ['--frames-from', 'tcp://127.0.0.1:9']);
  return {
    backend: createBackend('psi', 'backend', { url: process.endpoint('http') }),
    freeze: () => process.signal('SIGSTOP'),
    wake: () => process.signal('SIGCONT'),
    end: async () => {
      await process.stop();
    },
  };
});
