import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Context } from 'mocha';
import { checkAdapterOptions, createTrigger } from '../../src/adapters/registry.js';
import { ComponentFailedError, ComponentSilentError } from '../../src/contracts/errors.js';
import type { JsonObject } from '../../src/contracts/json.js';
import { expectDiaError, until, within } from '../support/calls.js';
import { caputOf, freeUdpPort, PythonProgram } from '../support/pythonProgram.js';
import { requirePython } from '../support/pythonTools.js';
import { describeTriggerContract } from './triggerContract.js';

const codes = { pv: 'TEST:EVENT', startCode: 254, stopCode: 255 };

describeTriggerContract('epics (caput of EPICS base, IOC of caproto)', async (context: Context) => {
  const python = requirePython(context);
  const port = String(await freeUdpPort());
  const ioc = new PythonProgram(python, 'timingIoc.py', {
    env: { EPICS_CAS_INTF_ADDR_LIST: '127.0.0.1', EPICS_CA_SERVER_PORT: port },
  });
  const lines = () => {
    ioc.assertRuns();
    return ioc.lines.map((line) => JSON.parse(line) as Record<string, number>);
  };
  await until(lines, (said) => said.length > 0, 20_000);
  const environment = {
    EPICS_CA_ADDR_LIST: '127.0.0.1',
    EPICS_CA_AUTO_ADDR_LIST: 'NO',
    EPICS_CA_SERVER_PORT: port,
  };
  return {
    trigger: createTrigger('epics', 'trigger', {
      ...codes,
      caput: caputOf(python),
      environment,
      timeoutS: 2,
    }),
    arm: async () => undefined,
    taken: async () => lines().filter((line) => 'triggers' in line).length,
    end: () => ioc.stop(),
    knowsStatus: false,
  };
});

describe('epics trigger', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dia-epics-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A caput that notes its arguments, a line each, and ends as told. */
  function caput(lines = 'exit 0'): string {
    const path = join(folder, 'caput');
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$@" >> "${folder}/arguments"\n${lines}\n`);
    chmodSync(path, 0o755);
    return path;
  }
  const trigger = (options: JsonObject = {}) =>
    createTrigger('epics', 'trigger', { ...codes, ...options, caput: options.caput ?? caput() });

  it('writes the codes with a callback, waiting at most the time given', async () => {
    const subject = trigger({ timeoutS: 1.5 });
    await subject.connect();
    await subject.start(within());
    await subject.stop(within());
    const call = ['-w', '1.5', '-c', 'TEST:EVENT'];
    expect(readFileSync(join(folder, 'arguments'), 'utf8').trim().split('\n')).to.deep.equal([
      ...call,
      '254',
      ...call,
      '255',
    ]);
  });

  it('says at the start what to install where there is no caput', async () => {
    for (const missing of ['/nowhere/caput', 'no-such-caput']) {
      const error = await expectDiaError(
        trigger({ caput: missing }).connect(),
        ComponentFailedError,
        'component_failed',
      );
      expect(error.message).to.contain(missing);
      expect(error.facts.hint).to.contain('EPICS base');
    }
  });

  it('is silent when the process variable is not found, in the words of caput', async () => {
    const subject = trigger({
      caput: caput('echo "Channel connect timed out: \'TEST:EVENT\' not found." >&2; exit 1'),
    });
    const error = await expectDiaError(
      subject.start(within()),
      ComponentSilentError,
      'component_unreachable',
    );
    expect(error.message).to.contain("'TEST:EVENT' not found");
  });

  it('has failed when the write is refused, with the command to try by hand', async () => {
    const subject = trigger({ caput: caput('echo Write access denied >&2; exit 1') });
    const error = await expectDiaError(subject.start(within()), ComponentFailedError, 'component_failed');
    expect(error.message).to.contain('Write access denied');
    expect(error.facts.hint).to.contain('-c TEST:EVENT 254');
  });

  it('takes names of process variables, and nothing that could be taken for something else', () => {
    const findings = (pv: string) => checkAdapterOptions('trigger', 'epics', { ...codes, pv });
    for (const pv of [
      'SIN-TIMAST-TMA:Evt-26-Code-SP',
      'XF:09ID1-ES{Det:Eig1}Cmd',
      'a:b.PROC',
      'x[0]:y;z<1>',
    ]) {
      expect(findings(pv), pv).to.deep.equal([]);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (pv) => {
        if (findings(pv).length > 0) return;
        expect(pv).to.match(/^[^-\s\p{C}$`&|()*?~#!'"\\/][^\s\p{C}$`&|()*?~#!'"\\/]*$/u);
      }),
      { numRuns: 2000 },
    );
    for (const pv of ['', '-w', 'a b', 'a;$(id)', 'a\nb', 'a|b', '../a'])
      expect(findings(pv), pv).to.not.be.empty;
  });
});
