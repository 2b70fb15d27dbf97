import { expect } from 'chai';
import fc from 'fast-check';
import {
  failureOf,
  parseAnswer,
  parseEchoes,
  parseList,
  parseMessages,
  parseQuantity,
  parseSeconds,
} from '../../../src/adapters/detector/sls/parser.js';
import { recordedCalls } from '../../support/slsCapture.js';

const ESCAPE = String.fromCharCode(27);
const RENAMED: Readonly<Record<string, string>> = { cycles: 'triggers', vhighvoltage: 'highvoltage' };

for (const name of ['commandLine', 'commandLineReceiverDead']) {
  describe(`recorded answers of the SLS programs: ${name}`, () => {
    for (const [index, { argv, rc, stdout, stderr, note }] of recordedCalls(name).entries()) {
      const [program = '', command = '', ...args] = argv;
      const title = `${index + 1}: ${program} ${[command, ...args].join(' ')}${note ? ` (${note})` : ''}`;
      it(rc === 0 ? `has a value of ${title}` : `has a reason for the failure of ${title}`, () => {
        const messages = parseMessages(stderr);
        for (const { text } of messages) expect(text).to.match(/^[^\p{Cc}]+$/u);
        if (rc !== 0) {
          expect(failureOf(stderr))
            .not.to.equal('')
            .and.not.match(/\d\d:\d\d:\d\d|ERROR|INFO|\[3/);
          expect(messages.at(-1)?.level).to.equal('ERROR');
          return;
        }
        if (command === 'parameters') return;
        const answer = parseAnswer(stdout);
        expect(answer?.command).to.equal(RENAMED[command] ?? command);
        expect(answer?.value).not.to.match(/^\s|\s$|^$/);
        if (program === 'sls_detector_put' && !['hostname', 'rx_hostname'].includes(command)) {
          expect(answer?.value).to.equal(args[0] ?? 'successful');
        }
      });
    }
  });
}

describe('the parser of the SLS programs', () => {
  const recorded = recordedCalls('commandLine');
  const find = (...argv: string[]) =>
    recorded.find((call) => call.argv.slice(1).join(' ') === argv.join(' ')) ?? expect.fail(argv.join(' '));
  const answerTo = (...argv: string[]) => parseAnswer(find(...argv).stdout)?.value ?? '';

  it('reads what was recorded: numbers, times, words, lists, units, several lines', () => {
    expect(parseQuantity(answerTo('dr'))).to.deep.equal({ value: 16, unit: '' });
    expect(parseSeconds(answerTo('exptime'))).to.equal(0.002);
    expect(parseSeconds(answerTo('exptime', 's'))).to.equal(0.002);
    expect(parseSeconds(answerTo('period', 'ms'))).to.equal(0.02);
    expect(parseList(answerTo('detsize'))).to.deep.equal(['1024', '512']);
    expect(parseList(answerTo('rx_framescaught'))).to.deep.equal(['0']);
    expect(parseList(answerTo('status'))).to.have.lengthOf(1);
    expect(parseQuantity(answerTo('temp_fpga'))).to.deep.equal({ value: 0, unit: '°C' });
    expect(answerTo('versions').split('\n')).to.have.lengthOf(8);
  });

  it('reads the echo of each parameter of a file, the file last', () => {
    const echoes = parseEchoes(find('parameters', 'parameters.det').stdout);
    expect(echoes.map(({ command }) => command)).to.deep.equal(
      'frames period exptime timing triggers parameters'.split(' '),
    );
    expect(parseEchoes(find('parameters', 'bad.det').stdout)).to.deep.equal([
      { command: 'frames', value: '20' },
    ]);
  });

  it('tells warnings and information from errors', () => {
    expect(parseMessages(find('cycles', '5').stderr)).to.deep.equal([
      {
        level: 'WARNING',
        text: 'cycles is deprecated and will be removed. Please migrate to: triggers',
      },
    ]);
    expect(failureOf(recorded[0]?.stderr ?? '')).to.equal('No modules added');
    expect(failureOf(find('exptime', '1parsec').stderr)).to.equal(
      'Invalid unit in conversion from string to std::chrono::duration; Could not convert argument to time::ns',
    );
  });

  it('has nothing of an empty output', () => {
    for (const nothing of ['', '\n', ' \0\0\n', `${ESCAPE}[0m\n`]) {
      expect(parseAnswer(nothing)).to.equal(null);
      expect(parseEchoes(nothing)).to.deep.equal([]);
      expect(parseMessages(nothing)).to.deep.equal([]);
      expect(failureOf(nothing)).to.equal('');
    }
    expect(parseList('[]')).to.deep.equal([]);
  });

  const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/);
  const colour = fc.constantFrom('', `${ESCAPE}[0m`, `${ESCAPE}[31m${ESCAPE}[1m`, '\0\0');

  it('reads a value whatever colours and NUL bytes lie around it', () => {
    fc.assert(
      fc.property(word, fc.integer(), colour, colour, colour, (command, value, ...[one, two, three]) => {
        const answer = parseAnswer(`${one}${command} ${two}${value}${three}\n`);
        expect(answer).to.deep.equal({ command, value: String(value) });
      }),
    );
  });

  it('reads back every list it is given', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (values) => {
        expect(parseList(`[${values.join(', ')}]`)).to.deep.equal(values);
      }),
    );
  });

  it('reads a time to the last digit that was printed, in every unit', () => {
    const digits = fc.integer({ min: 0, max: 999_999 });
    const decimals = { s: 0, ms: -3, us: -6, ns: -9 };
    fc.assert(
      fc.property(
        digits,
        fc.integer({ min: -3, max: 6 }),
        fc.constantFrom('s', 'ms', 'us', 'ns'),
        (n, e, unit) => {
          expect(parseSeconds(`${n}e${e}${unit}`)).to.equal(Number(`${n}e${e + decimals[unit]}`));
          expect(parseSeconds(`${n}.5${unit}`)).to.equal(Number(`${n}.5e${decimals[unit]}`));
        },
      ),
    );
  });

  it('finds the words of a message between any colours, and never fails', () => {
    const text = fc.stringMatching(/^[A-Za-z][A-Za-z ,.()-]{0,40}[a-z]$/);
    fc.assert(
      fc.property(text, colour, fc.constantFrom('INFO', 'WARNING', 'ERROR'), (words, paint, level) => {
        expect(parseMessages(`${paint}- 02:06:24.480 ${level}: ${words}\0\0${ESCAPE}[0m\n`)).to.deep.equal([
          { level, text: words },
        ]);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (anything) => {
        parseAnswer(anything);
        parseEchoes(anything);
        failureOf(anything);
        parseQuantity(anything);
        parseSeconds(anything);
      }),
    );
  });
});
