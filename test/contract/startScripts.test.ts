import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkAdapterOptions } from '../../src/adapters/registry.js';
import { listDeployments, packagedDeploymentsFolder } from '../../src/config/findDeployment.js';
import { loadDeployment } from '../../src/config/loadDeployment.js';

const folderOf = (name: string) => join(packagedDeploymentsFolder(), name);

describe('the start script', () => {
  let tools: string;
  before(async () => {
    tools = await mkdtemp(join(tmpdir(), 'dia-start-'));
    await mkdir(join(tools, 'bin'));
    await mkdir(join(tools, 'data'));
    await writeFile(join(tools, 'bin', 'node'), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    for (const program of ['sls_detector_get', 'sls_detector_put']) {
      await writeFile(join(tools, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
    }
  });
  after(() => rm(tools, { recursive: true }));

  const start = (name: string, env: Record<string, string>, args: string[] = []) =>
    spawnSync(join(folderOf(name), 'start.sh'), args, {
      env: { PATH: `${join(tools, 'bin')}:/usr/bin:/bin`, ...env },
      encoding: 'utf8',
    });

  /** What a site has to set, with values that are right. */
  const required: Record<string, () => Record<string, string>> = {
    simulation: () => ({}),
    'simulation-multi': () => ({}),
    'dectris-eiger2': () => ({
      DECTRIS_URL: 'http://127.0.0.1:8081',
      DECTRIS_STREAM: 'tcp://127.0.0.1:31001',
    }),
    'jungfrau-virtual': () => ({ SLS_BIN: join(tools, 'bin') }),
    odin: () => ({
      ODIN_DETECTOR_URL: 'http://127.0.0.1:8081',
      ODIN_FRAME_PROCESSOR: 'tcp://127.0.0.1:5004',
      DIA_DATA_DIR: join(tools, 'data'),
    }),
    'csaxs-eiger9m': () => ({
      DIA_DATA_DIR: join(tools, 'data'),
      CSAXS_BACKEND_URL: 'http://127.0.0.1:8080',
      CSAXS_STREAM: 'tcp://127.0.0.1:9999',
    }),
    'swissfel-jungfrau': () => ({
      DIA_DATA_DIR: join(tools, 'data'),
      SWISSFEL_DETECTORS: join(folderOf('swissfel-jungfrau'), 'available_detectors.json'),
      SWISSFEL_BSREAD_URL: 'http://127.0.0.1:10020',
      SWISSFEL_TIMING_PV: 'TEST:EVENT',
      SWISSFEL_START_CODE: '254',
      SWISSFEL_STOP_CODE: '255',
    }),
  };

  it('is there for every deployment', async () => {
    expect(Object.keys(required)).to.have.members(await listDeployments());
  });

  for (const name of Object.keys(required)) {
    it(`of ${name} runs the server with this deployment and hands its options on`, () => {
      const { status, stdout, stderr } = start(name, required[name]?.() ?? {}, ['--port', '0']);
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
      const [program, ...args] = stdout.trim().split('\n');
      expect(program).to.match(/\/dist\/(?:program|src)\/main\.js$/);
      expect(args).to.deep.equal(['serve', folderOf(name), '--port', '0']);
    });

    it(`of ${name} names all variables that are not set, and starts nothing`, () => {
      const names = Object.keys(required[name]?.() ?? {});
      const { status, stderr, stdout } = start(name, {});
      expect(status).to.equal(names.length === 0 ? 0 : 2);
      const named = [...stderr.matchAll(/^start\.sh: (\w+) is not set: .+\.$/gm)].map(
        ([, variable]) => variable,
      );
      expect(named).to.deep.equal(names);
      if (names.length > 0) expect(stdout).to.equal('');
    });

    it(`of ${name} names each variable that is missing alone`, () => {
      const all = required[name]?.() ?? {};
      for (const variable of Object.keys(all)) {
        const { status, stderr } = start(name, { ...all, [variable]: '' });
        expect(status, variable).to.equal(2);
        expect(stderr).to.match(new RegExp(`^start\\.sh: ${variable} is not set: [^\\n]+\\.\\n$`));
      }
    });
  }

  const wrong: [name: string, variable: string, value: string, text: string][] = [
    [
      'csaxs-eiger9m',
      'CSAXS_BACKEND_URL',
      'backend',
      'CSAXS_BACKEND_URL has to be http://host:port, got "backend".',
    ],
    ['csaxs-eiger9m', 'CSAXS_STREAM', 'tcp://x', 'CSAXS_STREAM has to be tcp://host:port, got "tcp://x".'],
    [
      'csaxs-eiger9m',
      'CSAXS_WRITER',
      'writer.sh',
      'CSAXS_WRITER has to be dia-writer or the absolute path of a program, got "writer.sh".',
    ],
    ['csaxs-eiger9m', 'DIA_PORT', '70000', 'DIA_PORT has to be a port number up to 65535, got "70000".'],
    [
      'csaxs-eiger9m',
      'DIA_PORT',
      '99999999999999999999',
      'DIA_PORT has to be a port number up to 65535, got "99999999999999999999".',
    ],
    [
      'csaxs-eiger9m',
      'DIA_LOG_LEVEL',
      'loud',
      'DIA_LOG_LEVEL has to be error, warn, info or debug, got "loud".',
    ],
    ['csaxs-eiger9m', 'DIA_DATA_DIR', '/none', 'DIA_DATA_DIR is no folder: /none.'],
    ['dectris-eiger2', 'DECTRIS_URL', 'dcu', 'DECTRIS_URL has to be http://host[:port], got "dcu".'],
    [
      'dectris-eiger2',
      'DECTRIS_STREAM',
      'tcp://x',
      'DECTRIS_STREAM has to be tcp://host:port, got "tcp://x".',
    ],
    ['dectris-eiger2', 'DECTRIS_GATING_MODE', 'x', 'DECTRIS_GATING_MODE has to be exte or extg, got "x".'],
    ['odin', 'ODIN_DETECTOR_URL', 'dcu', 'ODIN_DETECTOR_URL has to be http://host[:port], got "dcu".'],
    ['odin', 'ODIN_FRAME_PROCESSOR', 'x:1', 'ODIN_FRAME_PROCESSOR has to be tcp://host:port, got "x:1".'],
    ['odin', 'ODIN_STREAM_FORMAT', 'v2', 'ODIN_STREAM_FORMAT has to be legacy or cbor, got "v2".'],
    ['simulation-multi', 'DIA_PORT', 'x', 'DIA_PORT has to be a port number up to 65535, got "x".'],
    ['csaxs-eiger9m', 'DIA_DATA_DIR', '/dev/null', 'DIA_DATA_DIR is no folder: /dev/null.'],
    [
      'swissfel-jungfrau',
      'SWISSFEL_DETECTORS',
      'here.json',
      'SWISSFEL_DETECTORS has to be an absolute path, got "here.json".',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_DETECTORS',
      '/none.json',
      'SWISSFEL_DETECTORS cannot be read: /none.json.',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_START_CODE',
      '2x',
      'SWISSFEL_START_CODE has to be a whole number, got "2x".',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_BSREAD_URL',
      'bsread',
      'SWISSFEL_BSREAD_URL has to be http://host:port, got "bsread".',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_WRITER',
      'writer.sh',
      'SWISSFEL_WRITER has to be dia-writer or the absolute path of a program, got "writer.sh".',
    ],
  ];
  for (const [name, variable, value, text] of wrong) {
    it(`of ${name} refuses ${variable}=${value}`, () => {
      const { status, stderr } = start(name, { ...required[name]?.(), [variable]: value });
      expect({ status, stderr }).to.deep.equal({ status: 2, stderr: `start.sh: ${text}\n` });
    });
  }

  it('takes values that the deployment takes as well', async () => {
    for (const [name, values] of Object.entries(required)) {
      const options = { flags: {}, cwd: tools, checkOptions: checkAdapterOptions };
      const { deployment, dataFolder } = await loadDeployment(name, { ...options, env: values() });
      expect(deployment.name).to.equal(name);
      if ('DIA_DATA_DIR' in values()) expect(dataFolder).to.equal(join(tools, 'data'));
    }
  });
});
