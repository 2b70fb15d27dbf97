import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Frame } from '../../../src/writer/decoders/decoder.js';
import type { FrameFile } from '../../../src/writer/formats/format.js';
import { layoutNamed } from '../../../src/writer/formats/layouts.js';
import type { WriterLog } from '../../../src/writer/log.js';
import { Recorder } from '../../../src/writer/recorder.js';
import type { FrameStream, Message } from '../../../src/writer/streams/frameStream.js';
import { until } from '../../support/calls.js';

const FRAME: Frame = {
  ...{ number: 0, type: 'uint8', rows: 1, columns: 8 },
  ...{ pixels: Buffer.alloc(8), metadata: {} },
};
const MESSAGE: Message = { parts: [], source: 0 };
const LOG: WriterLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('a recorder whose disk has failed', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-recorder-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is closed only when the file is, with what was on its way there', async () => {
    const path = join(folder, 'run.h5');
    await writeFile(path, '');
    let isAbandoned = false;
    let onAbandon = () => {};
    const abandoning = new Promise<void>((resolve) => {
      onAbandon = resolve;
    });
    const file: FrameFile = {
      ...{ framesWritten: 0, bytesWritten: 0, room: () => undefined, setParameter: () => undefined },
      write: () => {
        throw new Error('ENOSPC: no space left on device, write');
      },
      flush: async () => undefined,
      close: async () => undefined,
      abandon: async () => {
        await abandoning;
        isAbandoned = true;
      },
    };
    const stream: FrameStream = {
      ...{ connected: async () => undefined, close: () => undefined, endWhenEmpty: () => undefined },
      receive: async () => MESSAGE,
    };
    const recorder = new Recorder({
      formatFor: async () => ({ create: () => file }),
      parametersOf: (name) => layoutNamed(name).parameters,
      defaultFormat: 'nexus',
      createDecoder: async () => ({ decode: () => FRAME }),
      openStream: () => stream,
      closeStreams: () => undefined,
      reserve: async () => ({
        ...{ path, replaces: false, clear: async () => undefined },
        ...{ keep: async () => undefined, giveBack: async () => undefined },
      }),
      log: LOG,
    });
    await recorder.configure({
      ...{
        outputFile: path,
        framesExpected: 2,
        userId: -1,
        existingFile: 'number',
        streamAddress: 'tcp://h:1',
      },
      ...{ dialect: 'array-1.0', format: 'nexus', compression: 'none', acquisition: {}, acquisitionId: '' },
      ...{ detector: { name: 'detector', badModules: null }, extra: {} },
    });
    await recorder.start();
    await until(
      async () => recorder.status,
      (status) => status === 'error',
    );
    const closed = recorder.close().then(() => isAbandoned);
    await new Promise((resolve) => setImmediate(resolve));
    onAbandon();
    expect(await closed).to.equal(true);
  });
});
