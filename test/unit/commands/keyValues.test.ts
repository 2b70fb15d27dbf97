import { expect } from 'chai';
import fc from 'fast-check';
import { sectionsOf } from '../../../src/commands/keyValues.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';

describe('changes of a config on the command line', () => {
  it('become sections', () => {
    expect(
      sectionsOf(['writer.output_file=run2.h5', 'detector.exptime=0.01', 'writer.n_frames=10']),
    ).to.deep.equal({
      writer: { output_file: 'run2.h5', n_frames: 10 },
      detector: { exptime: 0.01 },
    });
  });

  it('take JSON as JSON and everything else as text', () => {
    const values = ['10', '"10"', '-1', 'true', 'null', '[1,2]', 'run.h5', '', '1.2.3', '{broken'].map(
      (text) => sectionsOf([`a.b=${text}`]).a?.b,
    );
    expect(values).to.deep.equal([10, '10', -1, true, null, [1, 2], 'run.h5', '', '1.2.3', '{broken']);
  });

  it('split at the first dot and the first equals sign', () => {
    expect(sectionsOf(['writer.general/user=a=b', 'writer.a.b=c.d'])).to.deep.equal({
      writer: { 'general/user': 'a=b', 'a.b': 'c.d' },
    });
  });

  for (const wrong of ['exptime=1', 'detector.exptime', '.a=1', 'a.=1', '=', '', 'file.json']) {
    it(`refuse '${wrong}' and show an example`, () => {
      expect(() => sectionsOf([wrong]))
        .to.throw(InvalidRequestError, `'${wrong}'`)
        .with.nested.property('facts.hint')
        .that.contains('dia config update');
    });
  }

  it('refuse a field that is given twice', () => {
    expect(() => sectionsOf(['a.b=1', 'a.b=2'])).to.throw(InvalidRequestError, "'a.b' is given twice");
  });

  it('carry any JSON value, in any field, and never touch a prototype', () => {
    const name = fc.oneof(fc.stringMatching(/^[a-z_/]{1,10}$/), fc.constant('__proto__'));
    fc.assert(
      fc.property(name, name, fc.json(), (section, field, text) => {
        const sections = sectionsOf([`${section}.${field}=${text}`]);
        expect(Object.keys(sections)).to.deep.equal([section]);
        expect(JSON.stringify(Object.values(sections)[0])).to.equal(
          JSON.stringify(Object.fromEntries([[field, JSON.parse(text)]])),
        );
        expect(Object.getPrototypeOf(sections)).to.equal(Object.prototype);
      }),
    );
  });
});
