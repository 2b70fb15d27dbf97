import { createDetector } from '../../src/adapters/registry.js';
import { requirePython } from '../support/pythonTools.js';
import { startAlbaEiger, startTickitEiger } from '../support/simplonSimulators.js';
import { describeDetectorContract } from './detectorContract.js';

describeDetectorContract("simplon, Diamond's tickit EIGER2 16M", async (context) => {
  const device = await startTickitEiger(requirePython(context));
  return {
    detector: createDetector('simplon', 'detector', { url: device.url, streamFormat: 'cbor' }),
    freeze: () => device.signal('SIGSTOP'),
    wake: () => device.signal('SIGCONT'),
    end: device.end,
  };
});

describeDetectorContract("simplon, ALBA's eiger-simulator", async (context) => {
  const device = await startAlbaEiger(requirePython(context), { rows: 32, columns: 64, frames: 2 });
  return {
    detector: createDetector('simplon', 'detector', { url: device.url, streamFormat: 'legacy' }),
    // It exposes one image after the other, whatever the period is.
    short: { exptime: 0.1 },
    freeze: () => device.signal('SIGSTOP'),
    wake: () => device.signal('SIGCONT'),
    end: device.end,
  };
});
