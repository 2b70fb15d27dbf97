import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { createBackend, createDetector } from '../../src/adapters/registry.js';
import type { Detector } from '../../src/contracts/detector.js';
import { ComponentFailedError, ComponentSilentError, UnknownNameError } from '../../src/contracts/errors.js';
import type { JsonObject, JsonValue } from '../../src/contracts/json.js';
import { expectDiaError, within } from '../support/calls.js';
import type { SlsFakeOptions } from '../support/slsFake.js';
import { SlsPrograms } from '../support/slsPrograms.js';

const SETTINGS = { frames: 20, period: 0.05, exptime: 0.000123, dr: 16, timing: 'auto', cycles: 1 };
const POWERED = { values: { powerchip: '1' }, slowness: 40 };

describe('detector sls', () => {
  let programs: SlsPrograms;
  let detector: Detector;

  async function begin(fake: SlsFakeOptions = POWERED, options: JsonObject = {}): Promise<void> {
    programs = await SlsPrograms.start(fake);
    detector = createDetector('sls', 'detector', { commandFolder: programs.folder, ...options });
  }
  afterEach(() => programs.end());

  const calls = async () => (await programs.seen()).calls;
  const temporary = async () => (await readdir(tmpdir())).filter((name) => /^dia-sls-[^fp]/.test(name));

  it('sends all parameters in one call, reads the times back, and leaves no file', async () => {
    await begin();
    const before = await temporary();
    await detector.configure(SETTINGS, within());
    expect(await calls()).to.deep.equal([
      'get status',
      'put parameters parameters.det',
      'get exptime s',
      'get period s',
    ]);
    expect(await temporary()).to.have.members(before);
    expect(await detector.getValue('exptime', within())).to.equal(0.000123);
  });

  it('takes what the clock of the detector makes of a time, within the tolerance', async () => {
    await begin({ ...POWERED, tickNs: 100 });
    await detector.configure({ ...SETTINGS, exptime: 0.001_000_03 }, within());
    expect(await detector.getValue('exptime', within())).to.equal(0.001);
  });

  it('fails when a time is further off, naming parameter, expected and actual', async () => {
    await begin({ ...POWERED, tickNs: 1_000_000 });
    const configure = detector.configure({ ...SETTINGS, exptime: 0.0015 }, within());
    const error = await expectDiaError(configure, ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('exptime').and.contain('0.0015').and.contain('0.001');
    expect(error.facts.actual).to.deep.equal({ exptime: 0.001 });
  });

  it('tells which parameters were applied when one is refused', async () => {
    await begin(POWERED, { bitDepths: [16, 32] });
    const configure = detector.configure({ ...SETTINGS, timing: 'gating' }, within());
    const error = await expectDiaError(configure, ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('Unknown timing mode gating');
    expect(error.message).to.contain("at 'timing gating', line 2 of 6; applied: dr 16;");
    expect(error.message).to.contain('not applied: triggers 1, frames 20, exptime 123us, period 50ms');
  });

  const smuggled: [string, JsonValue][] = [
    ['settings', 'gain0 frames 3'],
    ['settings', 'gain0\nhighvoltage 200'],
    ['settings', '-h'],
    ['settings', '[a, b]'],
    ['settings', 'a#b'],
    ['settings', '0-stop'],
    ['settings', ''],
    ['timing', 'auto -h'],
    ['timing', ['auto', 'stop']],
    ['frames', '3 4'],
    ['frames', -3],
    ['frames', 1.5],
    ['frames', 1e300],
    ['exptime', '1s stop'],
    ['exptime', -1],
    ['exptime', 1e-12],
    ['dr', '16'],
    ['vhighvoltage', { a: 1 }],
    ['frames\nstop', 1],
    ['__proto__', 1],
  ];
  it('lets no value carry another command or option, and names the field', async () => {
    await begin();
    for (const [name, value] of smuggled) {
      const section = Object.fromEntries([[name, value]]);
      const error = await expectDiaError(
        detector.configure(section, within()),
        ComponentFailedError,
        'component_refused',
      );
      expect(error.message, JSON.stringify([name, value])).to.contain(name.split('\n')[0]);
    }
    expect(await calls()).to.deep.equal([]);
    await expectDiaError(
      detector.setValue('settings', 'a b', within()),
      ComponentFailedError,
      'component_refused',
    );
    await expectDiaError(detector.getValue('stop', within()), UnknownNameError, 'unknown_parameter');
    expect(await calls()).to.deep.equal([]);
  });

  it('refuses two names of one parameter that contradict each other', async () => {
    await begin();
    const configure = detector.configure({ frames: 3, n_frames: 4 }, within());
    const error = await expectDiaError(configure, ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('n_frames').and.contain('both mean frames');
    await detector.configure({ frames: 3, n_frames: 3 }, within());
  });

  it('leaves exposure and period to the gate with timing gating', async () => {
    await begin();
    const gated = detector.configure({ timing: 'gating', exptime: -1, period: -1 }, within());
    // This Jungfrau has no gate; what matters is what it was asked.
    const error = await expectDiaError(gated, ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('line 1 of 1');
  });

  it('uses the names of the package version', async () => {
    await begin();
    await detector.setValue('cycles', 2, within());
    await detector.setValue('vhighvoltage', 90, within());
    expect(await calls()).to.include.members(['put triggers 2', 'put highvoltage 90']);
    const old = createDetector('sls', 'detector', {
      commandFolder: programs.folder,
      packageVersion: '4.2',
    });
    expect(await old.setValue('cycles', 5, within())).to.equal(5);
    expect(await old.setValue('vhighvoltage', 10, within())).to.equal(10);
    expect(await calls()).to.include.members(['put cycles 5', 'put vhighvoltage 10']);
  });

  it('addresses the detector and the module that the options say', async () => {
    await begin(POWERED, { detectorIndex: 2, moduleIndex: 1 });
    const error = await expectDiaError(detector.status(within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('No modules added');
    expect(error.facts.hint).to.contain('2-config');
    expect(await calls()).to.deep.equal(['get 2-1:status']);
  });

  it('reads and writes what the deployment allows besides, and keeps what it fixes', async () => {
    await begin(
      { values: { powerchip: '0' } },
      {
        extraParameters: { temp_fpga: 'integer', powerchip: 'integer' },
        fixedParameters: { powerchip: '1' },
      },
    );
    expect(await detector.getValue('temp_fpga', within())).to.equal(0);
    await detector.configure({ frames: 2 }, within());
    expect(await detector.getValue('powerchip', within())).to.equal(1);
    await programs.seen();
    await detector.configure({ frames: 2 }, within());
    expect(await calls()).not.to.include('put powerchip 1');
  });

  it('says in the detector’s own words why it does not start', async () => {
    await begin({});
    const error = await expectDiaError(detector.start(within()), ComponentFailedError, 'component_refused');
    expect(error.message).to.contain('Power it on to configure it');
  });

  it('never calls a detector twice at a time, not even from two adapters', async () => {
    await begin();
    const backend = createBackend('sls-receiver', 'backend', { commandFolder: programs.folder });
    await Promise.all([
      detector.configure(SETTINGS, within()),
      backend.metrics(within()),
      ...Array.from({ length: 4 }, () => detector.status(within())),
      ...Array.from({ length: 4 }, () => backend.status(within())),
    ]);
    expect((await programs.seen()).mostClients).to.equal(1);
  });

  it('speaks to two detectors at the same time', async () => {
    await begin();
    const other = await SlsPrograms.start(POWERED);
    const second = createDetector('sls', 'second', { commandFolder: other.folder });
    programs.freeze();
    const first = detector.status(within(20_000));
    expect(await second.status(within())).to.equal('idle');
    programs.wake();
    expect(await first).to.equal('idle');
    await other.end();
  });

  describe('with receivers', () => {
    const withReceiver = { receiver: 'detector' };

    it('starts the receiver first and stops it last', async () => {
      await begin(POWERED, withReceiver);
      await detector.start(within());
      expect((await calls()).slice(-2)).to.deep.equal(['put rx_start', 'put start']);
      await detector.stop(within());
      expect(await calls()).to.deep.equal(['put stop', 'put rx_stop']);
    });

    it('makes a receiver idle that still runs after the last run, before it configures', async () => {
      await begin({ ...POWERED, slowness: 0 }, withReceiver);
      await detector.start(within());
      await programs.seen();
      await detector.configure({ frames: 5 }, within());
      expect((await calls()).slice(0, 4)).to.deep.equal([
        'get status',
        'get rx_status',
        'put rx_stop',
        'put parameters parameters.det',
      ]);
    });

    it('leaves no receiver running when the detector does not start', async () => {
      await begin({}, withReceiver);
      await expectDiaError(detector.start(within()), ComponentFailedError, 'component_refused');
      expect((await calls()).slice(-2)).to.deep.equal(['put start', 'put rx_stop']);
    });

    it('stops the detector although the receiver is dead, and says that of the receiver', async () => {
      await begin(POWERED, withReceiver);
      await detector.start(within());
      await programs.receiver('dead');
      const error = await expectDiaError(
        detector.stop(within()),
        ComponentSilentError,
        'component_unreachable',
      );
      expect(error.message).to.contain('The receiver of detector cannot be reached at localhost:1956');
      expect(await detector.status(within())).to.equal('idle');
    });

    it('reports both when neither can be stopped', async () => {
      await begin(POWERED, withReceiver);
      await programs.end();
      const error = await expectDiaError(detector.stop(within()), ComponentFailedError, 'component_failed');
      expect(error.facts.actual).to.have.lengthOf(2);
    });

    it('says that a parameter reached the detector but not its receiver', async () => {
      await begin();
      await programs.receiver('dead');
      const error = await expectDiaError(
        detector.configure({ frames: 3 }, within()),
        ComponentSilentError,
        'component_unreachable',
      );
      expect(error.message).to.contain("at 'frames 3', line 1 of 1");
      expect(error.facts.hint).to.contain('may have taken');
      expect(await detector.getValue('frames', within())).to.equal(3);
    });

    it('counts the frames that all receivers caught', async () => {
      await begin({ ...POWERED, slowness: 0 }, withReceiver);
      await detector.configure({ frames: 20 }, within());
      await detector.start(within());
      const metrics = await detector.metrics(within());
      expect(metrics).to.deep.include({
        status: 'idle',
        framesl: 0,
        rx_framescaught: [20],
        frames_caught: 20,
      });
    });
  });
});
