import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { DiaClient } from '../../src/client/client.js';
import { type RunningService, serve } from '../../src/serve.js';
import { until } from './calls.js';

const SCHEMA = fileURLToPath(new URL('../../../deployments/simulation/config.schema.json', import.meta.url));

/** Settings of a deployment that differ from those of `simulatedDeployment`. */
type Settings = Record<string, unknown>;

export interface BootOptions {
  readonly settings?: Settings;
  /** More sections of the acquisition config, by name, as JSON Schemas. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Frame shape, `rows`x`columns`; small by default, so that tests are about logic. */
  readonly shape?: string;
}

/** A whole integration for a test: real services, real sockets, real files, in a folder of its own. */
export interface TestIntegration {
  readonly url: string;
  readonly client: DiaClient;
  readonly folder: string;
  readonly service: RunningService;
  /** Path of an output file that does not exist yet. */
  file(name: string): string;
  close(): Promise<void>;
}

/** A deployment of the simulation programs; the folder of its file may be any. */
export function simulatedDeployment(shape: string) {
  return {
    name: 'test',
    pipelines: [
      {
        name: 'main',
        detector: { kind: 'simulated', options: { endpoint: '${services.detector.control}' } },
        backend: { kind: 'psi', options: { url: '${services.backend.http}' } },
        writer: { kind: 'h5-service', options: { url: '${services.writer.http}' } },
      },
    ],
    limits: { drainTimeoutMs: 1_000, lostAfterMs: 500, settleTimeoutMs: 2_000 },
    services: [
      { name: 'detector', program: 'simulated-detector', args: ['--shape', shape], lingerMs: 5_000 },
      {
        name: 'backend',
        program: 'simulated-backend',
        args: ['--frames-from', '${services.detector.frames}'],
        lingerMs: 5_000,
      },
      {
        name: 'writer',
        program: 'writer',
        args: ['--service', '--stream', '${services.backend.frames}'],
        lingerMs: 5_000,
      },
    ],
  };
}

/** Writes a deployment folder with the config schema of the simulation, and more sections if given. */
export async function writeDeployment(
  folder: string,
  settings: Settings,
  sections: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const schema = JSON.parse(await readFile(SCHEMA, 'utf8'));
  Object.assign(schema.properties, sections);
  schema.required.push(...Object.keys(sections));
  await writeFile(join(folder, 'config.schema.json'), JSON.stringify(schema));
  await writeFile(join(folder, 'deployment.yaml'), stringify(settings));
}

/** Boots an integration on a free port. */
export async function boot(options: BootOptions = {}): Promise<TestIntegration> {
  const folder = await mkdtemp(join(tmpdir(), 'dia-test-'));
  await writeDeployment(
    folder,
    { ...simulatedDeployment(options.shape ?? '32x64'), ...options.settings },
    options.sections,
  );
  const service = await serve({
    deployment: folder,
    flags: { port: 0, dataDir: join(folder, 'data') },
    env: {},
    quiet: true,
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    url: service.url,
    client: new DiaClient(service.url),
    folder,
    service,
    file: (name) => join(folder, 'data', name),
    close: async () => {
      await service.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A valid acquisition config for `frames` frames, `periodS` seconds apart. */
export function acquisition(outputFile: string, frames: number, periodS = 0.005, bitDepth = 16) {
  return {
    writer: { output_file: outputFile, n_frames: frames, user_id: 0 },
    backend: { bit_depth: bitDepth, n_frames: frames },
    detector: { period: periodS, frames, exptime: periodS / 2, dr: bitDepth },
  };
}

/** Waits until so many frames are in the file. */
export async function untilWritten(client: DiaClient, frames: number): Promise<void> {
  await until(
    () => client.status(),
    ({ progress }) => (progress?.written_frames ?? 0) >= frames,
    20_000,
  );
}
