import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWriter } from '../../src/adapters/registry.js';
import { ServiceProcess } from '../support/serviceProcess.js';
import { FrameSender } from '../support/writerFrames.js';
import { describeWriterContract } from './writerContract.js';

describeWriterContract('h5-service', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dia-writer-contract-'));
  const sender = await FrameSender.open();
  const service = await ServiceProcess.start('writer/program', ['--service', '--stream', sender.address]);
  return {
    writer: createWriter('h5-service', 'writer', { url: service.endpoint('http') }),
    folder,
    sendFrames: (numbers) => sender.sendAll(numbers),
    freeze: () => service.signal('SIGSTOP'),
    wake: () => service.signal('SIGCONT'),
    end: async () => {
      await service.stop();
      sender.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
