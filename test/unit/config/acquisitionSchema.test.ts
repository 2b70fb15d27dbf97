import { expect } from 'chai';
import { AcquisitionValidator } from '../../../src/config/acquisitionConfig.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';

const fromSchema = (schema: unknown) =>
  AcquisitionValidator.fromText(JSON.stringify(schema), 'beamline/config.schema.json');

/** Another beamline: timing decides what is compared, and nothing unknown is accepted. */
const beamline = {
  $defs: { frames: { type: 'integer', minimum: 1 } },
  type: 'object',
  required: ['detector'],
  properties: {
    writer: {
      type: 'object',
      additionalProperties: false,
      required: ['n_frames'],
      'x-message': { required: 'Tell the writer {missing}!' },
      properties: { n_frames: { $ref: '#/$defs/frames' } },
    },
    detector: {
      type: 'object',
      properties: {
        timing: { enum: ['auto', 'trigger'] },
        frames: { $ref: '#/$defs/frames' },
        cycles: { $ref: '#/$defs/frames' },
        gain: { type: ['string', 'number'], oneOf: [{ type: 'number', maximum: 3 }, { const: 'auto' }] },
      },
    },
  },
  ...whenAuto(rule('frames'), rule('cycles')),
};

/** Made from pairs: an object with a literal `then` looks like a promise to linters. */
function whenAuto(isAuto: object, otherwise: object) {
  const condition = { properties: { detector: { properties: { timing: { const: 'auto' } } } } };
  return Object.fromEntries([
    ['if', condition],
    ['then', isAuto],
    ['else', otherwise],
  ]);
}

function rule(name: string) {
  const message = `${name} {/detector/${name}} against {/writer/n_frames}: {section} {field}`;
  const equal = { const: { $data: '/writer/n_frames' }, 'x-message': message };
  return { properties: { detector: { required: [name], properties: { [name]: equal } } } };
}

describe('a config schema', () => {
  const findings = (config: unknown) => fromSchema(beamline).validate(config).findings;

  it('brings its own texts', () => {
    expect(findings({ writer: {}, detector: { frames: 1 } })).to.deep.equal([
      "Tell the writer ['n_frames']!",
    ]);
  });

  it('can refuse unknown parameters', () => {
    expect(findings({ writer: { n_frames: 2, b: 1, a: 1 }, detector: { frames: 2 } })).to.deep.equal([
      "Received unexpected parameters for writer: ['b', 'a']",
    ]);
  });

  it('can have rules that depend on a value', () => {
    const writer = { n_frames: 2 };
    expect(findings({ writer, detector: { timing: 'auto', frames: 3, cycles: 9 } })).to.deep.equal([
      'frames 3 against 2: detector frames',
    ]);
    expect(findings({ writer, detector: { timing: 'trigger', frames: 9, cycles: 4 } })).to.deep.equal([
      'cycles 4 against 2: detector cycles',
    ]);
    expect(findings({ writer, detector: { timing: 'trigger', frames: 9 } })).to.deep.equal([
      "Detector configuration missing mandatory parameters: ['cycles']",
    ]);
  });

  it('can leave sections out of what is required', () => {
    expect(findings({ detector: { timing: 'auto', frames: 3 } })).to.deep.equal([]);
    expect(findings({ writer: { n_frames: 1 } })).to.deep.equal([
      "Specify config JSON with 2 root elements: 'writer', 'detector'.",
    ]);
  });

  it('needs no texts: one finding a value, from what the schema asks for', () => {
    const detector = { timing: 'gating', frames: 0, gain: 'high' };
    expect(findings({ detector })).to.deep.equal([
      `Detector parameter 'timing' expected one of "auto", "trigger", got "gating".`,
      "Detector parameter 'frames' expected at least 1, got 0.",
      `Detector parameter 'gain' expected it to match exactly one schema in oneOf, got "high".`,
      "Detector configuration missing mandatory parameters: ['cycles']",
    ]);
  });

  it('can give a parameter several names, and values that follow from others', () => {
    const schema = {
      properties: {
        writer: { properties: { frames: { type: 'integer', 'x-alias': ['n_frames', 'images'] }, mode: {} } },
        detector: { properties: { gain: {} } },
      },
      'x-set': [
        {
          when: { properties: { writer: { required: ['mode'], properties: { mode: { const: 'off' } } } } },
          set: { '/writer/frames': 0, '/detector/gain': 'low' },
        },
      ],
    };
    const config = (given: Record<string, unknown>) => fromSchema(schema).validate(given).config;
    expect(config({ writer: { images: 5 } })).to.deep.equal({ writer: { frames: 5 } });
    expect(config({ writer: { images: 5, n_frames: 5, mode: 'on' } })).to.deep.equal({
      writer: { frames: 5, mode: 'on' },
    });
    expect(config({ writer: { n_frames: 5, mode: 'off' }, detector: { gain: 'high' } })).to.deep.equal({
      writer: { frames: 0, mode: 'off' },
      detector: { gain: 'low' },
    });
    expect(config({ writer: { mode: 'off' } })).to.deep.equal({ writer: { frames: 0, mode: 'off' } });
    expect(fromSchema(schema).validate({ writer: { images: 5, n_frames: 6 } }).findings).to.deep.equal([
      "Invalid config. Writer 'images' set to '5', but 'frames' set to '6'. They are names of the same parameter.",
    ]);
  });

  const unusable: [string, unknown, RegExp][] = [
    ['has no sections', {}, /no 'properties' that name the sections/],
    ['is no object', [], /no 'properties' that name the sections/],
    [
      'has a section without parameters',
      { properties: { writer: {} } },
      /section 'writer' has no 'properties'/,
    ],
    [
      'has a keyword nobody knows',
      { properties: { writer: { properties: { a: { typ: 'integer' } } } } },
      /unknown keyword: "typ"/,
    ],
    [
      'has an unknown name in a text',
      { properties: { writer: { properties: { a: { type: 'integer', 'x-message': 'got {valeu}' } } } } },
      /uses '\{valeu\}'\. Did you mean 'value'\?/,
    ],
    [
      'has a text that is none',
      { properties: { writer: { properties: { a: { type: 'integer', 'x-message': 5 } } } } },
      /x-message/,
    ],
    [
      'has an alias that is another parameter',
      { properties: { writer: { properties: { a: { 'x-alias': ['c', 'b'] }, b: {} } } } },
      /section 'writer' has 'b' as a name or x-alias twice/,
    ],
    [
      'has an alias that is none',
      { properties: { writer: { properties: { a: { 'x-alias': 5 } } } } },
      /x-alias/,
    ],
    [
      'sets what is no parameter',
      {
        properties: { writer: { properties: { abc: {} } } },
        'x-set': [{ when: {}, set: { '/writer/abd': 1 } }],
      },
      /x-set names '\/writer\/abd', which is no parameter\. Did you mean '\/writer\/abc'\?/,
    ],
    [
      'has an x-set that is no list of rules',
      { properties: { writer: { properties: { a: {} } } }, 'x-set': [{ if: {}, set: {} }] },
      /x-set has to be a list of objects/,
    ],
  ];
  for (const [what, schema, text] of unusable) {
    it(`is refused when it ${what}`, () => {
      expect(() => fromSchema(schema)).to.throw(InvalidRequestError, text);
      expect(() => fromSchema(schema)).to.throw('beamline/config.schema.json');
    });
  }

  it('is refused when it is no JSON', () => {
    expect(() => AcquisitionValidator.fromText('{', 'a.json')).to.throw(
      InvalidRequestError,
      /a\.json is no JSON/,
    );
  });
});
