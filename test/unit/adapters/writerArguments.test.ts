import { expect } from 'chai';
import fc from 'fast-check';
import { h5ProcessOptions } from '../../../src/adapters/writer/h5Process/options.js';
import {
  declaredParameters,
  type WriterCommandLine,
  writerArguments,
} from '../../../src/adapters/writer/h5Process/writerArguments.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';
import { LAYOUT_NAMES } from '../../../src/writer/formats/layouts.js';

const fine: WriterCommandLine = {
  streamAddress: 'tcp://127.0.0.1:9999',
  outputFile: '/data/run-1/Größe_0.h5',
  frames: 10,
  restPort: 10_000,
  userId: -1,
  extraArguments: [],
};

/** Texts that are likely to hurt: shell characters, blanks, options, control characters. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^\/?[a-z $`;&|<>(){}*?~#!'"\\\n\0.-]{0,30}$/),
  fc.constantFrom('/data/$(id)/a.h5', '--help', '/a/../b.h5', '/a\n/b.h5', 'tcp://h:1;id'),
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(Number.NaN, 2 ** 31, -1, -2));

describe('the command line of a writer', () => {
  it('is the five arguments in their order, then the extra ones', () => {
    expect(writerArguments({ ...fine, extraArguments: ['tcp://broker:1', '-1'] }, 'writer')).to.deep.equal([
      'tcp://127.0.0.1:9999',
      '/data/run-1/Größe_0.h5',
      '10',
      '10000',
      '-1',
      'tcp://broker:1',
      '-1',
    ]);
  });

  it('never holds anything unchecked: every argument is harmless, or the whole is refused', () => {
    // One field at a time, so that the others do not have the whole refused.
    const line = fc.oneof(
      ...Object.entries({
        streamAddress: nasty,
        outputFile: nasty.map((text) => `/data/${text}`),
        frames: number,
        restPort: number,
        userId: number,
        extraArguments: fc.array(nasty, { maxLength: 3 }),
      }).map(([name, values]) =>
        (values as fc.Arbitrary<unknown>).map((value) => ({ ...fine, [name]: value })),
      ),
    );
    fc.assert(
      fc.property(line, (candidate) => {
        let args: string[];
        try {
          args = writerArguments(candidate, 'writer');
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidRequestError);
          return;
        }
        const [stream = '', file = '', ...rest] = args;
        expect(stream).to.match(/^(tcp|ipc):\/\/[^\s$`;&|<>(){}?~#!'"\\]+$/);
        expect(file).to.match(/^\/[^\s$`;&|<>(){}*?~#!'"\\\p{C}]+$/u);
        expect(file.split('/')).to.not.include('..');
        for (const argument of rest.slice(0, 3)) expect(argument).to.match(/^-?\d{1,10}$/);
        for (const argument of rest.slice(3)) expect(argument).to.match(/^\P{C}+$/u);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses each shell character in the path of the file, naming the field', () => {
    for (const character of ' $`;&|<>(){}*?~#!\'"\\\n\t') {
      const line = { ...fine, outputFile: `/data/a${character}b.h5` };
      expect(() => writerArguments(line, 'writer'), JSON.stringify(character)).to.throw(
        InvalidRequestError,
        'output_file',
      );
    }
  });
});

describe('the parameters of a writer', () => {
  it('are those that the format declares, and no others', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), fc.array(fc.string()), (extra, declared) => {
        const sent = declaredParameters(extra, declared);
        expect(
          Object.keys(sent).every((name) => declared.includes(name) && Object.hasOwn(extra, name)),
        ).to.equal(true);
        expect(Object.keys(extra).filter((name) => declared.includes(name))).to.have.lengthOf(
          Object.keys(sent).length,
        );
      }),
    );
  });

  it('are none unless the deployment names some', () => {
    expect(h5ProcessOptions.properties.parameters).to.have.deep.property('default', []);
  });
});

describe('the options of h5-process', () => {
  it('take every layout that the writer has, and no other', () => {
    expect(h5ProcessOptions.properties.format.enum).to.have.members([...LAYOUT_NAMES]);
  });
});
