import { expect } from 'chai';
import fc from 'fast-check';
import { applyFileRules, completeFileRules, type FileRule } from '../../../src/config/fileRules.js';
import type { JsonValue } from '../../../src/contracts/json.js';

const RULES: FileRule[] = [
  { section: 'writer', field: 'output_file', append: `.\${pipeline}.h5` },
  { section: 'bsread', field: 'output_file', append: '.BSREAD.h5' },
  { section: 'backend', field: 'gain_corrections_filename', append: `/\${pipeline}/gains.h5` },
];
const pipelines = ['JF01', 'JF02'];

describe('applyFileRules', () => {
  const outputFile = (path: JsonValue, rules: readonly FileRule[] = RULES) =>
    applyFileRules({ writer: { output_file: path } }, rules, 'JF01').writer?.output_file;

  it('appends literally, with the name of the pipeline', () => {
    expect(outputFile('/d/test_dia.h5')).to.equal('/d/test_dia.h5.JF01.h5');
    const config = { bsread: { output_file: '/d/b.h5' }, backend: { gain_corrections_filename: '/gains' } };
    expect(applyFileRules(config, RULES, 'JF02')).to.deep.equal({
      bsread: { output_file: '/d/b.h5.BSREAD.h5' },
      backend: { gain_corrections_filename: '/gains/JF02/gains.h5' },
    });
  });

  it('leaves what is no file as it is', () => {
    for (const value of ['', '/dev/null', null, 5, ['/a'], { a: 1 }]) {
      expect(outputFile(value)).to.deep.equal(value);
    }
    expect(applyFileRules({ writer: {}, detector: { dr: 16 } }, RULES, 'JF01')).to.deep.equal({
      writer: {},
      detector: { dr: 16 },
    });
  });

  it('puts the name before the ending by default when there are several pipelines', () => {
    const rules = completeFileRules([], { pipelines });
    expect(outputFile('/d/run.h5', rules)).to.equal('/d/run.JF01.h5');
    expect(outputFile('/d/run', rules)).to.equal('/d/run.JF01.h5');
    expect(outputFile('/dev/null', rules)).to.equal('/dev/null');
  });

  it('has no default for one pipeline, nor beside a rule of the deployment', () => {
    expect(completeFileRules([], { pipelines: ['only'] })).to.deep.equal([]);
    expect(completeFileRules(RULES, { pipelines })).to.deep.equal(RULES);
    const others = RULES.slice(1);
    expect(completeFileRules(others, { pipelines })).to.have.lengthOf(others.length + 1);
  });

  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/);
  const path = fc.string({ minLength: 1 }).filter((text) => text !== '/dev/null');

  it('never gives one file to two pipelines, by the default and by the rules', () => {
    fc.assert(
      fc.property(
        path,
        fc.uniqueArray(name, { minLength: 2, maxLength: 5 }),
        fc.boolean(),
        (file, names, own) => {
          const rules = completeFileRules(own ? RULES : [], { pipelines: names });
          const files = names.map((each) => applyFileRules({ writer: { output_file: file } }, rules, each));
          expect(new Set(files.map(({ writer }) => writer?.output_file)).size).to.equal(names.length);
        },
      ),
    );
  });

  it('changes nothing but the fields of its rules, and not its input', () => {
    const config = fc.dictionary(name, fc.dictionary(name, fc.jsonValue()));
    fc.assert(
      fc.property(config, name, (others, pipeline) => {
        const given = { ...others, writer: { output_file: '/a.h5', n_frames: 5 } } as Parameters<
          typeof applyFileRules
        >[0];
        const before = structuredClone(given);
        const result = applyFileRules(given, RULES, pipeline);
        expect(given).to.deep.equal(before);
        expect(result).to.deep.equal({
          ...before,
          writer: { output_file: `/a.h5.${pipeline}.h5`, n_frames: 5 },
        });
      }),
    );
  });

  it('takes a pipeline name for nothing but a name', () => {
    expect(applyFileRules({ writer: { output_file: '/a' } }, RULES, '$&').writer).to.deep.equal({
      output_file: '/a.$&.h5',
    });
  });
});
