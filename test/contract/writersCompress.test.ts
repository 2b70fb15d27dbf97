import { join } from 'node:path';
import { expect } from 'chai';
import { Dataset } from 'h5wasm/node';
import { createWriter } from '../../src/adapters/registry.js';
import type { Writer } from '../../src/contracts/writer.js';
import { loadHdf5 } from '../../src/files/hdf5.js';
import { CHUNK_FILTER } from '../../src/writer/decoders/decoder.js';
import { within } from '../support/calls.js';
import { ProcessWriterBench } from '../support/processWriter.js';
import { until, WriterProgram } from '../support/writerProgram.js';

async function filtersOf(path: string): Promise<number[]> {
  const { File } = await loadHdf5();
  const file = new File(path, 'r');
  try {
    const images = file.get('entry/data/data');
    return images instanceof Dataset ? images.filters.map(({ id }) => id) : [];
  } finally {
    file.close();
  }
}

describe('the option compression of a deployment', () => {
  let bench: ProcessWriterBench;

  beforeEach(async () => {
    bench = await ProcessWriterBench.open();
  });

  afterEach(() => bench.close());

  async function take(writer: Writer): Promise<string> {
    const outputFile = join(bench.folder, 'run.h5');
    const rest = { existingFile: 'number', extra: {}, acquisition: {}, acquisitionId: 'one' } as const;
    await writer.configure({ outputFile, frames: 2, userId: -1, ...rest }, within());
    const { file } = await writer.start(within());
    await bench.sender.sendAll([0, 1]);
    await until('the end', async () => {
      const { status } = await writer.report(within());
      return ['finished', 'stopped'].includes(status) ? status : null;
    });
    return String(file);
  }

  it('reaches a writer process', async () => {
    const file = await take(bench.writer('dia-writer', { compression: 'bslz4' }));
    expect(await filtersOf(file)).to.deep.equal([CHUNK_FILTER.bslz4]);
  });

  it('reaches a long-lived writer, for its own pipeline only', async () => {
    const service = await WriterProgram.start(['--service', '--stream', bench.sender.address]);
    try {
      for (const [compression, filters] of [
        ['bslz4', [CHUNK_FILTER.bslz4]],
        ['none', []],
      ] as const) {
        const writer = createWriter('h5-service', 'writer', { url: service.url, compression });
        await writer.connect?.();
        expect(await filtersOf(await take(writer))).to.deep.equal(filters);
        await writer.disconnect?.();
      }
    } finally {
      await service.dispose();
    }
  });
});
