import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createWriter } from '../../src/adapters/registry.js';
import { ComponentFailedError } from '../../src/contracts/errors.js';
import type { Section } from '../../src/contracts/json.js';
import type { WriterParameters } from '../../src/contracts/writer.js';
import { expectDiaError, within } from '../support/calls.js';
import { FakeBroker } from '../support/fakeBroker.js';
import { FakeFrameProcessor } from '../support/fakeFrameProcessor.js';
import { FakeMflow } from '../support/fakeMflow.js';
import { describeWriterContract } from './writerContract.js';

const general: Section = {
  'general/created': 'today',
  'general/user': 'p11057',
  'general/process': 'dia',
  'general/instrument': 'jungfrau',
};
const newFolder = () => mkdtempSync(join(tmpdir(), 'dia-remote-writer-'));

describeWriterContract('mflow', async () => {
  const node = await FakeMflow.open();
  const folder = newFolder();
  const parameters = ['output_file', 'n_frames', 'compression'];
  return {
    writer: createWriter('mflow', 'writer', { url: node.http.url, instance: 'writer', parameters }),
    folder,
    sendFrames: async (numbers) => node.take(numbers.length),
    freeze: () => node.http.freeze(),
    wake: () => node.http.wake(),
    end: async () => {
      node.http.close();
      rmSync(folder, { recursive: true, force: true });
    },
    ended: 'stopped',
    knowsGaps: false,
  };
});

describeWriterContract('broker', async () => {
  const broker = await FakeBroker.open();
  const folder = newFolder();
  let pulses = 0;
  return {
    writer: createWriter('broker', 'bsread', { url: broker.http.url }),
    folder,
    extra: general,
    sendFrames: async (numbers) => {
      broker.startPulseId ??= 1;
      pulses += numbers.length;
      if (pulses % 3 !== 0) return;
      writeFileSync(String(broker.parameters?.output_file), 'data');
      broker.stopPulse();
    },
    freeze: () => broker.http.freeze(),
    wake: () => broker.http.wake(),
    end: async () => {
      broker.http.close();
      rmSync(folder, { recursive: true, force: true });
    },
    begun: 'configured',
    ended: 'stopped',
    knowsGaps: false,
  };
});

for (const minor of [10, 11]) {
  describeWriterContract(`odin-data 1.${minor}`, async () => {
    const processor = await FakeFrameProcessor.open(minor);
    const folder = newFolder();
    return {
      writer: createWriter('odin-data', 'writer', { endpoint: processor.endpoint }),
      folder,
      sendFrames: async (numbers) => processor.take(numbers),
      freeze: () => processor.freeze(),
      wake: () => processor.wake(),
      end: async () => {
        processor.close();
        rmSync(folder, { recursive: true, force: true });
      },
      knowsGaps: false,
    };
  });
}

describe('writers that others run', () => {
  let folder: string;
  beforeEach(() => {
    folder = newFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const parameters = (changes: Partial<WriterParameters> = {}): WriterParameters => ({
    outputFile: join(folder, 'run.h5'),
    frames: 3,
    userId: 11_057,
    existingFile: 'number',
    extra: general,
    acquisition: {},
    acquisitionId: 'a-1',
    ...changes,
  });

  describe('mflow', () => {
    it('sends the node only the parameters its deployment names', async () => {
      const node = await FakeMflow.open();
      const writer = createWriter('mflow', 'writer', { url: node.http.url, instance: 'writer' });
      await writer.connect();
      await writer.configure(parameters(), within());
      expect(node.parameters).to.deep.equal({
        output_file: join(folder, 'run.h5'),
        n_frames: 0,
        compression: null,
      });
      await writer.disconnect();
      node.http.close();
    });

    it('tells what the node says when it refuses', async () => {
      const node = await FakeMflow.open();
      const options = { url: node.http.url, instance: 'writer', parameters: ['general/user'] };
      const writer = createWriter('mflow', 'writer', options);
      await writer.connect();
      const error = await expectDiaError(
        writer.configure(parameters(), within()),
        ComponentFailedError,
        'component_refused',
      );
      expect(error.message).to.contain("Unknown parameter 'general/user'");
      await writer.disconnect();
      node.http.close();
    });
  });

  describe('a file that is to be replaced', () => {
    const old = () => join(folder, 'run.h5');
    const overwriting = () => parameters({ existingFile: 'overwrite', extra: {} });
    beforeEach(() => writeFileSync(old(), 'old'));

    it('comes back when the start fails, and goes when it succeeds', async () => {
      const node = await FakeMflow.open();
      const writer = createWriter('mflow', 'writer', { url: node.http.url, instance: 'writer' });
      await writer.connect();
      await writer.configure(overwriting(), within());
      node.running = true;
      await expectDiaError(writer.start(within()), ComponentFailedError, 'component_refused');
      expect(readFileSync(old(), 'utf8')).to.equal('old');
      node.running = false;
      await writer.start(within());
      expect(readdirSync(folder)).to.deep.equal([]);
      await writer.disconnect();
      node.http.close();
    });

    it('comes back when the writer is armed and stopped', async () => {
      const broker = await FakeBroker.open();
      const writer = createWriter('broker', 'bsread', { url: broker.http.url });
      await writer.connect();
      await writer.configure({ ...overwriting(), extra: general }, within());
      expect(existsSync(old())).to.equal(false);
      await writer.stop(within());
      expect(readFileSync(old(), 'utf8')).to.equal('old');
      await writer.disconnect();
      broker.http.close();
    });

    it('comes back when what was configured is forgotten', async () => {
      const processor = await FakeFrameProcessor.open(11);
      const writer = createWriter('odin-data', 'writer', { endpoint: processor.endpoint });
      await writer.connect();
      await writer.configure(overwriting(), within());
      await writer.reset(within());
      expect(readFileSync(old(), 'utf8')).to.equal('old');
      await writer.configure(overwriting(), within());
      await writer.start(within());
      expect(readFileSync(old(), 'utf8')).not.to.equal('old');
      expect(readdirSync(folder)).to.deep.equal(['run.h5']);
      await writer.disconnect();
      processor.close();
    });
  });

  describe('broker', () => {
    it('hands over the whole section, and takes an error in a 200 for what it is', async () => {
      const broker = await FakeBroker.open();
      const writer = createWriter('broker', 'bsread', { url: broker.http.url });
      await writer.connect();
      await writer.configure(parameters(), within());
      expect(broker.parameters).to.deep.equal({
        ...general,
        output_file: join(folder, 'run.h5'),
        user_id: 11_057,
      });
      const bare = writer.configure(parameters({ extra: {} }), within());
      const error = await expectDiaError(bare, ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('Missing mandatory parameters');
      await writer.disconnect();
      broker.http.close();
    });

    it('is never killed: that would end it for everybody', async () => {
      const broker = await FakeBroker.open();
      const writer = createWriter('broker', 'bsread', { url: broker.http.url });
      await writer.connect();
      await writer.configure(parameters(), within());
      await writer.kill(within());
      expect(broker.http.routes).to.include('GET /stop').and.not.include('GET /kill');
      await writer.disconnect();
      broker.http.close();
    });

    it('is armed again by a start after a stop, and asked nothing by a start when armed', async () => {
      const broker = await FakeBroker.open();
      const writer = createWriter('broker', 'bsread', { url: broker.http.url });
      await writer.connect();
      await writer.configure(parameters(), within());
      await writer.start(within());
      expect(broker.http.routes.filter((route) => route === 'POST /parameters')).to.have.lengthOf(1);
      await writer.stop(within());
      await writer.start(within());
      expect((await writer.report(within())).status).to.equal('configured');
      await writer.disconnect();
      broker.http.close();
    });
  });

  describe('odin-data', () => {
    let processor: FakeFrameProcessor;
    afterEach(() => processor.close());

    async function connect(minor: number, options = {}) {
      processor = await FakeFrameProcessor.open(minor);
      const writer = createWriter('odin-data', 'writer', { endpoint: processor.endpoint, ...options });
      await writer.connect();
      return writer;
    }

    it('starts and stops with commands since 1.11, with a parameter before', async () => {
      for (const [minor, command] of [
        [11, 'execute'],
        [10, 'configure'],
      ] as const) {
        const writer = await connect(minor);
        await writer.configure(parameters(), within());
        processor.messages.length = 0;
        await writer.start(within());
        await writer.stop(within());
        const told = processor.messages.filter(({ params }) => 'hdf' in params);
        expect(told.map(({ msg_val, params }) => [msg_val, params.hdf])).to.deep.equal(
          minor === 11
            ? [
                [command, { command: 'start_writing' }],
                [command, { command: 'stop_writing' }],
              ]
            : [
                [command, { write: true }],
                [command, { write: false }],
              ],
        );
        await writer.disconnect();
        processor.close();
      }
    });

    it('notices a start that a new version ignores without a word', async () => {
      const writer = await connect(11, { version: '1.10' });
      await writer.configure(parameters(), within());
      const error = await expectDiaError(
        writer.start(within(400)),
        ComponentFailedError,
        'component_refused',
      );
      expect(error.message).to.contain('does not write');
      await writer.disconnect();
    });

    it('takes silence for a no when other questions are answered', async () => {
      const writer = await connect(11, { plugin: 'hdf' });
      const wrong = writer.configure(parameters({ frames: Number.NaN }), within(400));
      const error = await expectDiaError(wrong, ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('illegal type');
      await writer.disconnect();
    });

    it('reads back, and notices a frame count that stays from before', async () => {
      const writer = await connect(11);
      await writer.configure(parameters({ frames: 7 }), within());
      const zero = writer.configure(parameters({ frames: 0 }), within());
      const error = await expectDiaError(zero, ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('frames is 7 instead of 0');
      await writer.disconnect();
    });

    it('tells that the folder does not exist over there', async () => {
      const writer = await connect(11, { sharedDisk: false });
      const far = writer.configure(parameters({ outputFile: '/far/away/run.h5' }), within());
      const error = await expectDiaError(far, ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('Invalid path requested: /far/away');
      await writer.disconnect();
    });

    it('is in error while the process holds errors, and reset clears them', async () => {
      const writer = await connect(11);
      processor.errors.push('Timed out waiting for frames, stopping writing');
      const { status, error } = await writer.report(within());
      expect({ status, error }).to.deep.equal({
        status: 'error',
        error: 'Timed out waiting for frames, stopping writing',
      });
      await writer.reset(within());
      expect((await writer.report(within())).status).to.equal('stopped');
      await writer.disconnect();
    });

    it('never writes over a file: the next free number is taken', async () => {
      const writer = await connect(11);
      writeFileSync(join(folder, 'run.h5'), 'precious');
      await writer.configure(parameters(), within());
      expect((await writer.start(within())).file).to.equal(join(folder, 'run_001.h5'));
      expect(existsSync(join(folder, 'run_001.h5'))).to.equal(true);
      await writer.disconnect();
    });
  });
});
