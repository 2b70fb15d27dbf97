import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWriter } from '../../src/adapters/registry.js';
import { imageFile } from '../support/imageFile.js';
import { SimplonFake } from '../support/simplonFake.js';
import { describeWriterContract } from './writerContract.js';

const SERIES_FRAMES = 3;

describeWriterContract('simplon-filewriter', async () => {
  const unit = await SimplonFake.start();
  const folder = mkdtempSync(join(tmpdir(), 'dia-simplon-writer-'));
  let frames = 0;
  const endSeries = async () => {
    unit.series += 1;
    const stem = String(unit.filewriter.name_pattern?.value).replace('$id', String(unit.series));
    unit.files.set(`${stem}_master.h5`, await imageFile(frames));
    unit.status['filewriter/state'] = 'ready';
    frames = 0;
  };
  return {
    writer: createWriter('simplon-filewriter', 'writer', { url: unit.url }),
    folder,
    sendFrames: async (numbers) => {
      unit.status['filewriter/state'] = 'acquire';
      frames += numbers.length;
      if (frames === SERIES_FRAMES) await endSeries();
    },
    stopDetector: endSeries,
    freeze: () => unit.freeze(),
    wake: () => unit.wake(),
    end: async () => {
      await unit.close();
      rmSync(folder, { recursive: true, force: true });
    },
    knowsGaps: false,
  };
});
