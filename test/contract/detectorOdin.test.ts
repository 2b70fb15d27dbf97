import { expect } from 'chai';
import type { Context } from 'mocha';
import { createDetector } from '../../src/adapters/registry.js';
import { ComponentFailedError, UnknownNameError } from '../../src/contracts/errors.js';
import type { JsonObject } from '../../src/contracts/json.js';
import { expectDiaError, until, within } from '../support/calls.js';
import { HttpFake } from '../support/httpFake.js';
import { freeTcpPort, PythonProgram } from '../support/pythonProgram.js';
import { requirePython } from '../support/pythonTools.js';
import { describeDetectorContract } from './detectorContract.js';

const parameters = {
  frames: 'config/num_images',
  exptime: 'config/exposure_time',
  period: 'config/frame_time',
  dr: 'config/bit_depth',
  timing: 'config/trigger_mode',
  cycles: 'config/ntrigger',
};
const values = { timing: { auto: 'ints', trigger: 'exts' } };

/** A real odin-control server with an adapter of ours. */
async function startServer(
  context: Context,
  apiVersion: string,
): Promise<{ url: string; server: PythonProgram }> {
  const python = requirePython(context);
  const port = await freeTcpPort();
  const url = `http://127.0.0.1:${port}`;
  const server = new PythonProgram(python, 'odinDetector.py', {
    args: [String(port), apiVersion === '' ? 'none' : apiVersion],
  });
  const isUp = () => {
    server.assertRuns();
    return fetch(`${url}/api`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await until(isUp, (up) => up, 20_000);
  return { url, server };
}

for (const apiVersion of ['0.1', '']) {
  describeDetectorContract(`odin (odin-control server, API version '${apiVersion}')`, async (context) => {
    const { url, server } = await startServer(context, apiVersion);
    const options = { url, adapter: 'detector', apiVersion, parameters, values };
    return {
      detector: createDetector('odin', 'detector', options),
      freeze: () => server.signal('SIGSTOP'),
      wake: () => server.signal('SIGCONT'),
      end: () => server.stop(),
    };
  });
}

describe('odin detector', () => {
  let fake: HttpFake;
  let leaves: JsonObject;

  /** Answers as the eiger-detector adapter does, which adds descriptions to leaves, and rounds. */
  beforeEach(async () => {
    leaves = {
      'config/num_images': 1,
      'config/exposure_time': 0.1,
      'status/acquisition_complete': true,
      'status/state': 0,
      'status/error': '',
    };
    fake = await HttpFake.open((route, body) => {
      const [method, url = ''] = route.split(' ');
      const path = url.replace('/api/0.1/eiger/', '');
      if (method === 'PUT' && path === 'config/exposure_time')
        leaves[path] = Math.round(Number(body) * 1e5) / 1e5;
      else if (method === 'PUT') leaves[path] = body as unknown as JsonObject;
      if (path === 'status') return { body: { status: { state: { value: 0 }, error: { value: '' } } } };
      const value = leaves[path];
      if (value === undefined) return { code: 400, body: { error: `Invalid path: ${path}` } };
      return { body: { value, type: typeof value, writeable: true } };
    });
  });
  afterEach(() => fake.close());

  async function connect(options: JsonObject = {}) {
    const detector = createDetector('odin', 'detector', { url: fake.url, adapter: 'eiger', ...options });
    await detector.connect();
    return detector;
  }

  it('has the paths of the eiger-detector adapter by default, and forgives rounding', async () => {
    const detector = await connect();
    await detector.configure({ frames: 10, exptime: 0.010_000_4 }, within());
    expect(await detector.getValue('exptime', within())).to.equal(0.01);
    await detector.start(within());
    expect(fake.routes).to.include('PUT /api/0.1/eiger/command/start_acquisition');
    await detector.disconnect();
  });

  it('does not forgive a value that the detector made another', async () => {
    const detector = await connect();
    const wrong = detector.configure({ exptime: 0.000_001 }, within());
    const error = await expectDiaError(wrong, ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('exptime is 0 instead of 0.000001');
    await detector.disconnect();
  });

  it('tells a detector that waits for its trigger from one that exposes', async () => {
    const detector = await connect();
    leaves['status/acquisition_complete'] = false;
    expect(await detector.status(within())).to.equal('waiting');
    leaves['status/state'] = 1;
    expect(await detector.status(within())).to.equal('running');
    leaves['status/error'] = 'link down';
    expect(await detector.status(within())).to.equal('error');
    await detector.disconnect();
  });

  it('refuses parameters without a path, unless they are to be ignored', async () => {
    const detector = await connect({ ignored: ['cycles'] });
    await detector.configure({ frames: 2, cycles: 1 }, within());
    await expectDiaError(detector.configure({ dr: 16 }, within()), UnknownNameError, 'unknown_parameter');
    expect(fake.routes.some((route) => route.includes('dr'))).to.equal(false);
    await detector.disconnect();
  });

  it('reads the whole status as metrics, without the descriptions', async () => {
    const detector = await connect();
    expect(await detector.metrics(within())).to.deep.equal({ state: 0, error: '' });
    await detector.disconnect();
  });
});
