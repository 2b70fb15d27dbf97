import { expect } from 'chai';
import type { Command } from '../../../src/contracts/integration.js';
import { directLookups } from '../../../src/files/pathLookups.js';
import { thrownBy } from '../../support/calls.js';
import { ControllerAlone } from '../../support/controllerAlone.js';
import { acquisition } from '../../support/integration.js';

const SECTIONS = acquisition('run.h5', 5);
const CONFIGURE: Command = { type: 'acquisition.configure', config: SECTIONS };
const START: Command = { type: 'acquisition.start', sections: SECTIONS, triggerStart: true };

/** Commands of every way that leads to a component, and one that leads to none. */
const WAITING: readonly Command[] = [
  CONFIGURE,
  { type: 'acquisition.update', sections: SECTIONS },
  { type: 'acquisition.reapply' },
  START,
  { type: 'acquisition.start', sections: null, triggerStart: true },
  { type: 'overlay.set', overlays: {} },
];

describe('a stop, reset or kill while other commands wait', () => {
  let dia: ControllerAlone;
  /** Lets the disk answer. */
  let release: () => void;
  /** Resolves when the disk has been asked. */
  let asked: Promise<void>;

  /** From now on the disk answers when it is released. */
  function holdDisk(): void {
    let onAsked = () => {};
    asked = new Promise((resolve) => {
      onAsked = resolve;
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const later =
      <T>(look: (path: string) => Promise<T>) =>
      async (path: string) => {
        onAsked();
        await released;
        return look(path);
      };
    dia.lookups = {
      locate: later(directLookups.locate),
      kind: later(directLookups.kind),
      disk: later(directLookups.disk),
    };
  }

  beforeEach(async () => {
    dia = await ControllerAlone.start();
  });
  afterEach(async () => {
    release();
    await dia.close();
  });

  for (const how of ['stop', 'reset', 'kill'] as const) {
    for (const command of [START, CONFIGURE]) {
      it(`${how} gives up ${command.type} that is being planned, and all that wait behind it`, async () => {
        holdDisk();
        const commands = [command, ...WAITING].map((one) => thrownBy(dia.execute(one)));
        await asked;
        await dia.execute({ type: `acquisition.${how}` });
        expect(dia.status).to.equal('INITIALIZED');
        // They do not wait for the disk.
        for (const thrown of await Promise.all(commands)) {
          expect(thrown).to.include({ code: 'preempted', message: `Aborted by a ${how}.` });
        }
        release();
        // Whatever the first had begun has come to an end when the next has.
        await dia.execute({ type: 'overlay.set', overlays: {} });
        expect(dia.status).to.equal('INITIALIZED');
        expect(dia.journal.map(({ phase }) => phase)).to.not.include('configuring');
      });
    }
  }

  it('does not concern those that come after it', async () => {
    holdDisk();
    const before = thrownBy(dia.execute(START));
    await asked;
    const killed = dia.execute({ type: 'acquisition.kill' });
    const after = dia.execute(CONFIGURE);
    release();
    await Promise.all([killed, after]);
    expect(await before).to.include({ code: 'preempted' });
    expect(dia.status).to.equal('CONFIGURED');
  });

  it('is not the only thing that ends them: so does the end of the controller', async () => {
    holdDisk();
    const commands = [START, CONFIGURE].map((one) => thrownBy(dia.execute(one)));
    await asked;
    await dia.controller.endRun();
    for (const thrown of await Promise.all(commands)) expect(thrown).to.include({ code: 'preempted' });
    release();
    expect(dia.status).to.equal('INITIALIZED');
  });
});

describe('commands while the disk of the journal hangs', () => {
  let dia: ControllerAlone;

  beforeEach(async () => {
    dia = await ControllerAlone.start({ settleTimeoutMs: 50, stopTimeoutMs: 1_000 });
  });
  afterEach(async () => {
    dia.journalHangs = false;
    await dia.close();
  });

  for (const how of ['stop', 'reset', 'kill'] as const) {
    it(`${how}, which is done and answered`, async () => {
      await dia.execute(CONFIGURE);
      dia.journalHangs = true;
      await dia.execute({ type: `acquisition.${how}` });
      expect(dia.status).to.equal('INITIALIZED');
    });
  }

  it('the end, which lets go of the components', async () => {
    dia.journalHangs = true;
    await dia.controller.close();
    expect(dia.journal.at(-1)).to.deep.include({ phase: 'initialized' });
  });

  it('settings, which say so and keep nobody behind them', async () => {
    dia.journalHangs = true;
    const set = thrownBy(dia.execute({ type: 'overlay.set', overlays: {} }));
    const behind = thrownBy(dia.execute({ type: 'acquisition.start', sections: null, triggerStart: true }));
    expect(await set).to.include({ code: 'component_timeout' });
    expect(await behind).to.include({ code: 'wrong_state' });
  });
});
