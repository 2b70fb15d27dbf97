import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { checkAdapterOptions } from '../../../src/adapters/registry.js';
import { loadDeployment } from '../../../src/config/loadDeployment.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const DEPLOYMENT = join(root, 'deployments/jungfrau-virtual');

describe('the deployment jungfrau-virtual', () => {
  const load = (deployment: string, env: Record<string, string> = {}) =>
    loadDeployment(deployment, { env, flags: {}, cwd: tmpdir(), checkOptions: checkAdapterOptions });

  it('takes the programs, the version and the detector from the environment', async () => {
    const env = { SLS_BIN: '/opt/sls', SLS_VERSION: '10', SLS_DETECTOR: '2', SLSDETNAME: 'b' };
    const { deployment } = await load(DEPLOYMENT, env);
    const expected = {
      commandFolder: '/opt/sls',
      packageVersion: '10',
      detectorIndex: 2,
      sharedMemoryName: 'b',
    };
    expect(deployment.pipelines[0]?.detector.options).to.include(expected);
    expect(deployment.pipelines[0]?.backend.options).to.deep.equal(expected);
  });

  it('tells what is wrong with a broken copy, with lines', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dia-jungfrau-'));
    try {
      const text = readFileSync(join(DEPLOYMENT, 'deployment.yaml'), 'utf8')
        .replace('receiver: backend', 'reciever: backend')
        .replace('kind: sls-receiver', 'kind: sls-reciever');
      writeFileSync(join(folder, 'deployment.yaml'), text);
      writeFileSync(join(folder, 'config.schema.json'), readFileSync(join(DEPLOYMENT, 'config.schema.json')));
      const error = await load(folder).catch((thrown: unknown) => thrown);
      expect(String(error)).to.match(/line \d+.*options\.reciever is unknown: did you mean 'receiver'/);
      expect(String(error)).to.match(/line \d+.*'sls-reciever': the nearest is 'sls-receiver'/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const programs = mkdtempSync(join(tmpdir(), 'dia-jungfrau-bin-'));
  for (const program of ['sls_detector_get', 'sls_detector_put']) {
    writeFileSync(join(programs, program), '#!/bin/sh\n', { mode: 0o755 });
  }
  after(() => rmSync(programs, { recursive: true }));

  const start = (environment: Record<string, string>) =>
    execFileSync(join(DEPLOYMENT, 'start.sh'), ['--help'], {
      env: { PATH: process.env.PATH ?? '', ...environment },
      stdio: 'pipe',
      encoding: 'utf8',
    });
  for (const [environment, text] of [
    [{}, 'SLS_BIN is not set'],
    [{ SLS_BIN: 'bin' }, 'SLS_BIN has to be an absolute folder, got "bin"'],
    [{ SLS_BIN: '/nowhere' }, 'SLS_BIN: /nowhere/sls_detector_get is missing'],
    [{ SLS_BIN: programs, SLS_VERSION: 'new' }, 'SLS_VERSION has to be a version such as 9.2.0, got "new"'],
    [{ SLS_BIN: programs, SLS_DETECTOR: '-1' }, 'SLS_DETECTOR has to be the index of a detector, got "-1"'],
    [{ SLS_BIN: programs, SLS_STREAM: '30001' }, 'SLS_STREAM has to be tcp://host:port, got "30001"'],
    [{ SLS_BIN: programs, DIA_PORT: '70000' }, 'DIA_PORT has to be a port number up to 65535, got "70000"'],
  ] as [Record<string, string>, string][]) {
    it(`does not start with ${JSON.stringify(environment).replace(programs, '<programs>')}`, () => {
      const run = () => start(environment);
      expect(run).to.throw().with.property('status', 2);
      expect(run).to.throw().with.property('stderr').that.includes(text);
    });
  }

  it('starts the server with the programs', () => {
    expect(start({ SLS_BIN: programs })).to.contain('serve');
  });
});
