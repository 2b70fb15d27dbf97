import { expect } from 'chai';
import type { DiaClient } from '../../src/client/client.js';
import { failure, until } from '../support/calls.js';
import { FakeBroker } from '../support/fakeBroker.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';
import { caputOf, freeUdpPort, PythonProgram } from '../support/pythonProgram.js';
import { requirePython } from '../support/pythonTools.js';

const START_CODE = 254;
const STOP_CODE = 255;

const bsread = {
  type: 'object',
  required: ['output_file', 'user_id'],
  properties: { output_file: { type: 'string' }, user_id: { type: 'integer' } },
};

const config = (name: string, frames = 10, periodS = 0.005) => ({
  ...acquisition(`${name}.h5`, frames, periodS),
  bsread: {
    output_file: `${name}.BSREAD.h5`,
    user_id: 0,
    'general/created': 'today',
    'general/user': 'p11057',
    'general/process': 'dia',
    'general/instrument': 'jungfrau',
  },
});

describe('a beamline with a timing system and beam-synchronous data', function () {
  this.timeout(60_000);
  let dia: TestIntegration;
  let broker: FakeBroker;
  let timing: PythonProgram;

  before(async function () {
    const python = requirePython(this);
    const port = String(await freeUdpPort());
    timing = new PythonProgram(python, 'timingIoc.py', {
      env: { EPICS_CAS_INTF_ADDR_LIST: '127.0.0.1', EPICS_CA_SERVER_PORT: port },
    });
    await until(said, (lines) => lines.length > 0, 20_000);
    broker = await FakeBroker.open();
    const environment = {
      EPICS_CA_ADDR_LIST: '127.0.0.1',
      EPICS_CA_AUTO_ADDR_LIST: 'NO',
      EPICS_CA_SERVER_PORT: port,
    };
    dia = await boot({
      sections: { bsread },
      settings: {
        auxiliaryWriters: [{ name: 'bsread', kind: 'broker', options: { url: broker.http.url } }],
        trigger: {
          kind: 'epics',
          options: {
            pv: 'TEST:EVENT',
            startCode: START_CODE,
            stopCode: STOP_CODE,
            caput: caputOf(python),
            environment,
          },
        },
      },
    });
  });

  after(async () => {
    await dia?.close();
    await broker?.http.close();
    await timing?.stop();
  });

  beforeEach(() => dia.client.reset());

  function said(): Record<string, unknown>[] {
    timing.assertRuns();
    return timing.lines.map((line) => JSON.parse(line));
  }

  /** Codes that the process variable took, in order. */
  const codes = () => said().flatMap(({ code }) => (typeof code === 'number' ? [code] : []));

  const status = async (client: DiaClient) =>
    (await client.status()).status.replace('IntegrationStatus.', '');

  it('fires the timing last of all, is BSREAD_STILL_RUNNING until the broker is done, then FINISHED', async () => {
    await dia.client.setConfig(config('beam'));
    const before = codes().length;
    // The frames' file, though the broker names its own sooner.
    expect(await dia.client.start()).to.include({ file: dia.file('beam.h5') });
    // The code is written before start is answered; what the IOC prints takes its time.
    await until(codes, (written) => written.length > before, 5_000);
    expect(codes().slice(before)).to.deep.equal([START_CODE]);
    broker.startPulseId = 1;
    await dia.client.waitForStatus('BSREAD_STILL_RUNNING', { timeoutMs: 10_000 });
    expect((await dia.client.statusDetails()).details).to.include({
      bsread: 'receiving',
      writer: 'finished',
    });
    broker.stopPulse();
    await dia.client.waitForStatus('FINISHED', { timeoutMs: 10_000 });
    expect(broker.requests.at(-1)).to.equal(dia.file('beam.BSREAD.h5'));
    expect(await status(dia.client)).to.equal('FINISHED');
  });

  it('leaves the trigger to others when start says so', async () => {
    await dia.client.setConfig(config('others', 10_000, 0.02));
    const before = codes().length;
    await dia.client.start({ triggerStart: false });
    expect(await status(dia.client)).to.equal('RUNNING');
    await dia.client.stop();
    await until(codes, (written) => written.includes(STOP_CODE, before), 5_000);
    expect(codes().slice(before)).not.to.include(START_CODE);
  });

  it('stops the timing before anything else', async () => {
    await dia.client.setConfig(config('stopped', 10_000, 0.02));
    const before = codes().length;
    await dia.client.start();
    await dia.client.stop();
    await until(codes, (written) => written.slice(before).includes(STOP_CODE), 5_000);
    expect(codes().slice(before, before + 2)).to.deep.equal([START_CODE, STOP_CODE]);
    expect((await dia.client.statusDetails()).details).to.deep.equal({
      writer: 'stopped',
      backend: 'INITIALIZED',
      detector: 'idle',
      bsread: 'stopped',
    });
  });

  it('ends in ERROR that names the trigger when the timing system is gone', async () => {
    await dia.client.setConfig(config('gone'));
    timing.signal('SIGSTOP');
    try {
      const error = await failure(dia.client.start());
      expect(error.message).to.include('trigger');
      expect(await status(dia.client)).to.equal('ERROR');
    } finally {
      timing.signal('SIGCONT');
    }
    expect(await dia.client.reset()).to.include({ status: 'IntegrationStatus.INITIALIZED' });
  });
});
