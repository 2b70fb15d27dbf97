import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { type RunningService, serve } from '../../src/serve.js';
import { requirePython } from '../support/pythonTools.js';
import { type EigerSimulator, startAlbaEiger, startTickitEiger } from '../support/simplonSimulators.js';

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const DEPLOYMENT = path('deployments/dectris-eiger2');

interface FramesRead {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly first: readonly number[];
  readonly md5: readonly string[];
  readonly numbers: readonly number[];
  readonly complete: number;
  readonly lost: number;
}

/** The numbers from 0 on. */
const upTo = (count: number) => [...Array(count).keys()];

describe('acquisitions with a DECTRIS detector', function () {
  this.timeout(90_000);
  let folder: string;
  let python: string;
  let device: EigerSimulator | null;
  let service: RunningService | null;

  beforeEach(function () {
    device = null;
    service = null;
    python = requirePython(this);
    folder = mkdtempSync(join(tmpdir(), 'dia-simplon-'));
  });
  afterEach(async () => {
    await service?.close();
    await device?.end();
    rmSync(folder ?? '', { recursive: true, force: true });
  });

  const run = (script: string, ...args: string[]) =>
    JSON.parse(execFileSync(python, [path(`test/support/${script}`), ...args], { encoding: 'utf8' }));
  const read = (file: string): FramesRead => run('readFrames.py', file);

  async function integrate(deployment: string, url: string, stream: string): Promise<DiaClient> {
    const env = { DECTRIS_URL: url, DECTRIS_STREAM: stream };
    service = await serve({ deployment, flags: { port: 0, dataDir: folder }, env, quiet: true });
    return new DiaClient(service.url);
  }

  /** The deployment with version 1 of the stream. */
  function legacyDeployment(): string {
    const text = readFileSync(join(DEPLOYMENT, 'deployment.yaml'), 'utf8');
    const legacy = text
      .replace('streamFormat: cbor', 'streamFormat: legacy')
      .replace('simplon-v2', 'simplon-v1');
    writeFileSync(join(folder, 'deployment.yaml'), legacy);
    copyFileSync(join(DEPLOYMENT, 'config.schema.json'), join(folder, 'config.schema.json'));
    return folder;
  }

  function config(frames: number, detector: Record<string, number | string> = {}) {
    return {
      writer: { output_file: 'eiger.h5', n_frames: frames, user_id: 0 },
      backend: { bit_depth: 16, n_frames: frames },
      detector: { period: 0.05, frames, exptime: 0.01, dr: 16, ...detector },
    };
  }

  async function acquire(client: DiaClient, frames: number): Promise<FramesRead> {
    await client.reset();
    await client.setConfig(config(frames));
    await client.start();
    await client.waitForStatus('FINISHED', { timeoutMs: 60_000 });
    return read(String((await client.status()).file));
  }

  it('writes what a recorded EIGER2 16M streams, version 2, run after run', async () => {
    device = await startTickitEiger(python);
    const client = await integrate(DEPLOYMENT, device.url, device.cborStream);
    const { cbor } = run('recordedEiger.py');
    for (const frames of [3, 2]) {
      const seen = await acquire(client, frames);
      expect(seen).to.deep.include({ shape: [frames, 4362, 4148], dtype: 'uint16', complete: 1, lost: 0 });
      expect(seen.numbers).to.deep.equal(upTo(frames));
      expect(seen.md5).to.deep.equal(upTo(frames).map(() => cbor));
    }
  });

  it('writes what a recorded EIGER 16M streams, version 1', async () => {
    device = await startTickitEiger(python);
    const client = await integrate(legacyDeployment(), device.url, device.legacyStream);
    const seen = await acquire(client, 2);
    expect(seen).to.deep.include({ shape: [2, 4362, 4148], dtype: 'uint16', complete: 1, lost: 0 });
    const { legacy } = run('recordedEiger.py');
    expect(seen.md5).to.deep.equal([legacy, legacy]);
  });

  for (const compression of ['bslz4', 'lz4'] as const) {
    it(`writes every frame of ALBA's simulator, version 1 with ${compression}, run after run`, async () => {
      device = await startAlbaEiger(python, { rows: 37, columns: 53, frames: 10, compression });
      const client = await integrate(legacyDeployment(), device.url, device.legacyStream);
      for (const frames of [10, 5]) {
        const seen = await acquire(client, frames);
        expect(seen).to.deep.include({ shape: [frames, 37, 53], dtype: 'uint16', complete: 1, lost: 0 });
        expect(seen.first).to.deep.equal(upTo(frames));
      }
    });
  }

  it('ends a run in the middle, and leaves what remains of it out of the next', async () => {
    device = await startAlbaEiger(python, { rows: 16, columns: 32, frames: 10 });
    const client = await integrate(legacyDeployment(), device.url, device.legacyStream);
    await client.reset();
    await client.setConfig(config(10_000, { exptime: 0.002 }));
    await client.start();
    await client.stop();
    expect(await client.status()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
    const seen = await acquire(client, 7);
    expect(seen).to.deep.include({ complete: 1, lost: 0 });
    expect(seen.first).to.deep.equal(upTo(7));
  });

  it('says which value the detector cannot take', async () => {
    device = await startAlbaEiger(python, { rows: 16, columns: 32, frames: 1 });
    const client = await integrate(legacyDeployment(), device.url, device.legacyStream);
    await client.reset();
    const refusal = await client.setConfig(config(3, { exptime: 2000, dr: 16 })).then(
      () => null,
      (error: Error) => error.message,
    );
    expect(refusal).to.contain("'exptime' (count_time) is 2000 s, expected at most 1800 s");
  });
});
