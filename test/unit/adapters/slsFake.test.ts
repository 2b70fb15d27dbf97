import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type RecordedCall, recordedCalls } from '../../support/slsCapture.js';
import { SlsFake } from '../../support/slsFake.js';

/** What the files of the recorded calls have to have held, by what their echoes and errors say. */
const FILES = {
  'parameters.det': 'frames 20\nperiod 0.05s\nexptime 0.001s\ntiming auto\ntriggers 1\n',
  'bad.det': 'frames 20\nnosuchthing 3\nperiod 0.07s\n',
};

/** By now the virtual detector was done. */
const IS_DONE = /^(status idle|framesl 0|triggersl 0)\n$/;

/** Frames of a run that a second start met: what came of that was not recorded. */
const isUnknown = ({ argv, stdout }: RecordedCall) =>
  argv[1] === 'rx_framescaught' && stdout === 'rx_framescaught [31]\n';

const withoutTime = (text: string) =>
  text.replace(/\d\d:\d\d:\d\d\.\d{3}/g, '<time>').replace(/\0+(\[…\])?/g, '<nul>');

const CAPTURES = {
  commandLine: { powerchip: '1', rx_missingpackets: '[2560]', nextframenumber: '76' },
  commandLineReceiverDead: { powerchip: '0', nextframenumber: '1' },
};

for (const [name, values] of Object.entries(CAPTURES)) {
  describe(`the stand-in of the SLS programs, asked as the real ones were: ${name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'dia-sls-fake-'));
    let nowMs = 0;
    const fake = new SlsFake({ configured: false, values }, () => nowMs);
    before(() => {
      for (const [file, text] of Object.entries(FILES)) writeFileSync(join(folder, file), text);
      fake.receiverAlive = name === 'commandLine';
    });
    after(() => rmSync(folder, { recursive: true }));

    for (const [index, call] of recordedCalls(name).entries()) {
      const [program, ...args] = call.argv;
      it(`answers byte for byte: ${index + 1}: ${program} ${args.join(' ')}`, () => {
        if (IS_DONE.test(call.stdout)) nowMs += 60_000;
        const answer = fake.run(program === 'sls_detector_get' ? 'get' : 'put', args.join(' '), folder);
        expect(answer.rc).to.equal(call.rc);
        expect(withoutTime(answer.stderr)).to.equal(withoutTime(call.stderr));
        if (!isUnknown(call)) expect(answer.stdout).to.equal(call.stdout);
      });
    }
  });
}
