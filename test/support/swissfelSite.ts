import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagedDeploymentsFolder } from '../../src/config/findDeployment.js';
import { until } from './calls.js';
import { FakeBroker } from './fakeBroker.js';
import { PsiBackend } from './psiBackend.js';
import { caputOf, freeTcpPort, freeUdpPort, PythonProgram } from './pythonProgram.js';
import { SlsPrograms } from './slsPrograms.js';

const START_CODE = 254;
const STOP_CODE = 255;

/** What the timing system was told, with the detectors' calls that came before. */
export interface TimingEvent {
  readonly code: number;
  readonly before: readonly string[];
}

/**
 * What stands at the other end of the deployment swissfel-jungfrau: the detectors of its packaged list, a backend for
 * each, the bsread broker, and a timing system behind EPICS that fires the detectors.
 */
export class SwissfelSite {
  /** For files, and for the list of detectors. */
  readonly folder: string;
  readonly broker: FakeBroker;
  readonly sls: SlsPrograms;
  /** By the names of the list. */
  readonly backends: ReadonlyMap<string, PsiBackend>;
  readonly timing: TimingEvent[] = [];
  readonly #ioc: PythonProgram;
  readonly #env: Record<string, string>;
  readonly #channelAccess: Record<string, string>;

  private constructor(
    python: string,
    port: number,
    parts: Pick<SwissfelSite, 'folder' | 'broker' | 'sls' | 'backends'>,
  ) {
    const { folder, broker, sls, backends } = parts;
    this.folder = folder;
    this.broker = broker;
    this.sls = sls;
    this.backends = backends;
    this.#ioc = new PythonProgram(python, 'timingIoc.py', {
      env: { EPICS_CAS_INTF_ADDR_LIST: '127.0.0.1', EPICS_CA_SERVER_PORT: String(port) },
      onLine: (line) => void this.#heed(JSON.parse(line)),
    });
    this.#channelAccess = {
      EPICS_CA_ADDR_LIST: '127.0.0.1',
      EPICS_CA_AUTO_ADDR_LIST: 'NO',
      EPICS_CA_SERVER_PORT: String(port),
    };
    this.#env = {
      DIA_DATA_DIR: join(folder, 'data'),
      SWISSFEL_DETECTORS: join(folder, 'available_detectors.json'),
      SWISSFEL_BSREAD_URL: broker.http.url,
      SWISSFEL_TIMING_PV: 'TEST:EVENT',
      SWISSFEL_START_CODE: String(START_CODE),
      SWISSFEL_STOP_CODE: String(STOP_CODE),
      SWISSFEL_CAPUT: caputOf(python),
      SWISSFEL_SLS_FOLDER: sls.folder,
    };
  }

  static async open(python: string): Promise<SwissfelSite> {
    const folder = await mkdtemp(join(tmpdir(), 'dia-swissfel-'));
    const packaged = join(packagedDeploymentsFolder(), 'swissfel-jungfrau', 'available_detectors.json');
    const list: Record<string, Record<string, unknown>> = JSON.parse(await readFile(packaged, 'utf8'));
    const names = Object.keys(list);
    const sls = await SlsPrograms.start({ detectors: names.length, frames: 'backend' });
    const backends = new Map<string, PsiBackend>();
    for (const [index, name] of names.entries()) {
      const backend = await PsiBackend.open(sls.streams[index] ?? '');
      backends.set(name, backend);
      Object.assign(list[name] ?? {}, {
        backend_api_url: backend.url,
        backend_stream_url: backend.frames,
        writer_port: await freeTcpPort(),
      });
    }
    await writeFile(join(folder, 'available_detectors.json'), JSON.stringify(list));
    const broker = await FakeBroker.open();
    const site = new SwissfelSite(python, await freeUdpPort(), { folder, broker, sls, backends });
    await until(
      () => site.#ioc.assertRuns(),
      () => site.#ioc.lines.length > 0,
      20_000,
    );
    // As in the service's own environment: caput looks there.
    Object.assign(process.env, site.#channelAccess);
    return site;
  }

  /** The variables that the site sets for the deployment. */
  get env(): Record<string, string> {
    return this.#env;
  }

  async close(): Promise<void> {
    for (const name of Object.keys(this.#channelAccess)) delete process.env[name];
    await this.#ioc.stop();
    this.broker.http.close();
    for (const backend of this.backends.values()) await backend.close();
    await this.sls.end();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The timing system fires all that listen to it. */
  async #heed({ code }: { code?: number }): Promise<void> {
    if (code === undefined) return;
    const { calls } = await (code === START_CODE ? this.sls.trigger() : this.sls.seen());
    this.timing.push({ code, before: calls });
    if (code === START_CODE) this.broker.startPulseId = 1;
  }
}
