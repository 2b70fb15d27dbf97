import { expect } from 'chai';
import { createDetector } from '../../../src/adapters/registry.js';
import type { Detector } from '../../../src/contracts/detector.js';
import { ComponentFailedError, ComponentSilentError } from '../../../src/contracts/errors.js';
import type { JsonObject, Section } from '../../../src/contracts/json.js';
import { expectDiaError, until, within } from '../../support/calls.js';
import { SimplonFake } from '../../support/simplonFake.js';

const series: Section = { frames: 3, period: 0.02, exptime: 0.01, dr: 16 };

describe('the adapter of DECTRIS detectors', () => {
  let fake: SimplonFake;
  let detector: Detector;

  beforeEach(async () => {
    fake = await SimplonFake.start();
    await make({});
  });
  afterEach(async () => {
    await detector.disconnect();
    await fake.close();
  });

  async function make(options: JsonObject): Promise<void> {
    await detector?.disconnect();
    detector = createDetector('simplon', 'eiger', { url: fake.url, ...options });
    await detector.connect();
  }

  const status = () => detector.status(within());
  const configure = (section: Section) => detector.configure(section, within());
  const start = () => detector.start(within());
  const stop = () => detector.stop(within());
  const reaches = (word: string) => until(status, (seen) => seen === word);

  describe('finding the version of the API', () => {
    it('takes what the control unit says', async () => {
      fake.version = '1.9.3';
      expect(await status()).to.equal('idle');
    });

    it('tries 1.8.0 and 1.6.0 when the control unit does not say', async () => {
      fake.version = null;
      expect(await status()).to.equal('idle');
    });

    it('takes the one of the options without asking', async () => {
      fake.version = '2.0.0';
      await make({ apiVersion: '1.8.0' });
      await expectDiaError(status(), ComponentFailedError, 'component_failed');
    });

    it('names what was tried when there is none', async () => {
      fake.version = '7.7';
      const error = await expectDiaError(status(), ComponentFailedError, 'bad_answer');
      expect(JSON.stringify(error.facts.actual)).to.contain('/detector/api/1.8.0/status/state');
    });
  });

  describe('configuring', () => {
    it('initialises a detector that was switched on, and only then', async () => {
      fake.state = 'na';
      expect(await status()).to.equal('idle');
      await configure(series);
      expect(fake.calls[0]).to.equal('initialize');
      fake.calls.length = 0;
      await configure(series);
      expect(fake.calls).to.not.include('initialize');
    });

    it('gives up initialising when the time of the options is over', async () => {
      await make({ initializeTimeoutMs: 100 });
      fake.state = 'na';
      fake.held.add('initialize');
      const error = await expectDiaError(configure(series), ComponentSilentError, 'component_timeout');
      expect(error.facts.operation).to.equal('initialize');
    });

    it("says the detector's own words when it is in error after initialising", async () => {
      fake.state = 'error';
      fake.status['detector/error'] = ['link 2 is down'];
      fake.failures.set('initialize', 200);
      const error = await expectDiaError(configure(series), ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('link 2 is down');
    });

    it('sets what differs and nothing else, energies before times, enables the stream last', async () => {
      await configure({ ...series, photon_energy: 10_000, threshold_energy: 4000, timing: 'trigger' });
      expect(fake.calls).to.deep.equal([
        'photon_energy=10000',
        'threshold_energy=4000',
        'trigger_mode="exts"',
        'nimages=3',
        'count_time=0.01',
        'frame_time=0.02',
        'stream/format="cbor"',
        'stream/header_detail="basic"',
        'stream/mode="enabled"',
      ]);
      fake.calls.length = 0;
      await configure({ ...series, photon_energy: 10_000, threshold_energy: 4000, timing: 'trigger' });
      expect(fake.calls).to.deep.equal([]);
    });

    it('sets a value again that changed with another one', async () => {
      await configure({ ...series, threshold_energy: 6000, photon_energy: 10_000 });
      expect(fake.detector.threshold_energy?.value).to.equal(6000);
    });

    it('goes back to triggering itself when the config says nothing of triggers', async () => {
      await configure({ ...series, timing: 'gating', frames: 1, cycles: 5 });
      expect(fake.detector.trigger_mode?.value).to.equal('exte');
      await configure(series);
      expect(fake.detector).to.deep.include({
        trigger_mode: { ...fake.detector.trigger_mode, value: 'ints' },
      });
      expect(fake.detector.ntrigger?.value).to.equal(1);
    });

    it('leaves the times to the gate when they are -1', async () => {
      await configure({ frames: 1, cycles: 5, period: -1, exptime: -1, dr: 16, timing: 'gating' });
      expect(fake.calls.filter((call) => call.includes('_time'))).to.deep.equal([]);
    });

    it('names everything it cannot take, with what was expected and the unit, before it changes anything', async () => {
      const wrong = { ...series, photon_energy: 1, timing: 'extg', dr: 12, exptime: 'long', foo: 1 };
      const error = await expectDiaError(configure(wrong), ComponentFailedError, 'component_refused');
      expect(error.message)
        .to.contain("'photon_energy' (photon_energy) is 1 eV, expected at least 2700 eV")
        .and.contain('\'timing\' (trigger_mode) is "extg", expected one of "ints"')
        .and.contain("'dr' is 12, expected 8, 16, 32 bit")
        .and.contain('\'exptime\' is "long", expected seconds above 0')
        .and.contain("'foo' is no parameter");
      expect(fake.calls).to.deep.equal([]);
    });

    it('says what the detector made of a value that it chooses itself', async () => {
      const error = await expectDiaError(
        configure({ ...series, dr: 32 }),
        ComponentFailedError,
        'component_refused',
      );
      expect(error.message).to.contain(
        "'dr' (bit_depth_image) is 16, expected 32, and the detector chooses it",
      );
    });

    it('takes a value that the detector rounded for the one asked for', async () => {
      const rounded = { ...fake.detector.count_time, value: 0.0100000004 };
      fake.detector.count_time = rounded;
      await configure(series);
      expect(fake.calls.join()).to.not.contain('count_time');
    });

    it('enables the file writer, or nothing, as the options say', async () => {
      await make({ consumer: 'filewriter' });
      await configure(series);
      expect(fake.calls).to.include('filewriter/mode="enabled"');
      fake.calls.length = 0;
      await make({ consumer: 'none' });
      await configure({ ...series, frames: 4 });
      expect(fake.calls).to.deep.equal(['nimages=4']);
    });

    it('does without a format of the stream where there is only the old one', async () => {
      delete fake.stream.format;
      await make({ streamFormat: 'legacy' });
      await configure(series);
      await make({ streamFormat: 'cbor' });
      await expectDiaError(configure(series), ComponentFailedError, 'component_failed');
    });

    it('refuses when the stream is in error', async () => {
      fake.status['stream/state'] = 'error';
      const error = await expectDiaError(configure(series), ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('enable the stream');
    });
  });

  describe('running', () => {
    it('arms, triggers and disarms, and is running until the trigger answers', async () => {
      fake.held.add('trigger');
      await configure(series);
      fake.calls.length = 0;
      await start();
      expect(await status()).to.equal('running');
      expect(fake.calls).to.deep.equal(['arm', 'trigger']);
      expect(await detector.metrics(within())).to.include({ series_id: 11 });
      fake.release();
      await reaches('idle');
      expect(fake.calls).to.deep.equal(['arm', 'trigger', 'disarm']);
    });

    it('sends as many triggers as there are, one after the other', async () => {
      await configure({ ...series, cycles: 3 });
      await start();
      await reaches('idle');
      expect(fake.calls.filter((call) => call === 'trigger')).to.have.length(3);
    });

    it('arms in configure when the options say so, and is idle until the start', async () => {
      await make({ armAt: 'configure' });
      await configure({ ...series, timing: 'trigger' });
      expect(fake.calls.at(-1)).to.equal('arm');
      expect(await status()).to.equal('idle');
      await start();
      expect(await status()).to.equal('waiting');
      expect(fake.calls.filter((call) => call === 'arm')).to.have.length(1);
    });

    it('fails the start when the trigger is refused at once', async () => {
      fake.failures.set('trigger', 400);
      await configure(series);
      const error = await expectDiaError(start(), ComponentFailedError, 'component_refused');
      expect(error.message).to.contain('trigger').and.contain('HTTP 400');
    });

    it('takes no other success than 200', async () => {
      fake.failures.set('arm', 202);
      await configure(series);
      await expectDiaError(start(), ComponentFailedError, 'component_refused');
    });

    it('keeps the error of a trigger that fails later, and works again after a stop', async () => {
      fake.held.add('trigger');
      await configure({ ...series, cycles: 2 });
      await start();
      fake.failures.set('trigger', 500);
      fake.release();
      await reaches('error');
      expect((await detector.metrics(within())).error).to.contain('HTTP 500');
      fake.failures.clear();
      await stop();
      expect(await status()).to.equal('idle');
      expect(fake.calls.at(-1)).to.equal('disarm');
    });

    it('cancels and disarms at a stop, does not wait for a trigger that never answers, and sends no more', async () => {
      fake.held.add('trigger');
      await configure({ ...series, cycles: 3 });
      await start();
      fake.calls.length = 0;
      await stop();
      expect(fake.calls).to.deep.equal(['cancel', 'disarm']);
      fake.release();
      for (let look = 0; look < 10; look += 1) expect(await status()).to.equal('idle');
      expect(fake.calls).to.deep.equal(['cancel', 'disarm']);
    });

    it('aborts at a stop when the options say so', async () => {
      await make({ stopBy: 'abort' });
      fake.held.add('trigger');
      await configure(series);
      await start();
      fake.calls.length = 0;
      await stop();
      expect(fake.calls[0]).to.equal('abort');
    });

    it('aborts when the cancel does not end the exposure in half of the time', async () => {
      fake.held.add('trigger');
      await configure(series);
      await start();
      fake.failures.set('cancel', 200);
      await detector.stop(within(1000));
      expect(fake.calls).to.include.members(['cancel', 'abort']);
    });

    it('has the images of a run that was cut short dropped before the next', async () => {
      fake.held.add('trigger');
      await configure(series);
      await start();
      await stop();
      await configure(series);
      expect(fake.calls).to.include('stream/initialize');
    });

    it('ends a run with an external gate when the monitor has seen its last image', async () => {
      await make({ endBy: 'monitor' });
      await configure({ frames: 1, cycles: 5, period: -1, exptime: -1, dr: 16, timing: 'gating' });
      expect(fake.calls).to.include('monitor/mode="enabled"');
      await start();
      fake.state = 'acquire';
      fake.status['monitor/monitor_image_number'] = [11, 3];
      expect(await status()).to.equal('running');
      fake.status['monitor/monitor_image_number'] = [10, 4];
      expect(await status()).to.equal('running');
      fake.status['monitor/monitor_image_number'] = [11, 4];
      expect(await status()).to.equal('idle');
    });

    it('knows an armed detector that waits for triggers when the controller was restarted, and takes it over', async () => {
      await configure({ ...series, timing: 'trigger' });
      await start();
      await make({});
      expect(await status()).to.equal('waiting');
      fake.calls.length = 0;
      await configure({ ...series, timing: 'trigger' });
      expect(fake.calls).to.deep.equal(['disarm']);
    });
  });

  it('has a word for every state of the detector', async () => {
    const words: Record<string, string> = {
      na: 'idle',
      idle: 'idle',
      ready: 'idle',
      initialize: 'running',
      configure: 'running',
      acquire: 'running',
      test: 'running',
      error: 'error',
    };
    for (const [state, word] of Object.entries(words)) {
      fake.state = state;
      expect(await status(), state).to.equal(word);
    }
  });
});
