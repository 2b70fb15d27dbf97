import { expect } from 'chai';
import fc from 'fast-check';
import { applyOverlay, mergeConfig } from '../../../src/config/mergeConfig.js';
import type { AcquisitionConfig, JsonValue } from '../../../src/contracts/json.js';

const SECTIONS = ['writer', 'backend', 'detector'];

const value = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>;
const field = fc.oneof(
  fc.constantFrom('n_frames', 'output_file', 'constructor', '__proto__', 'toString'),
  fc.string(),
);
/** Sections as they come out of JSON.parse: `__proto__` can be one of their own fields. */
const section = fc.dictionary(field, value).map((fields) => Object.fromEntries(Object.entries(fields)));
const config: fc.Arbitrary<AcquisitionConfig> = fc.record({
  writer: section,
  backend: section,
  detector: section,
});
const sections = fc.record({ writer: section, backend: section, detector: section }, { requiredKeys: [] });

const merge = (base: AcquisitionConfig, given: Parameters<typeof mergeConfig>[1]) =>
  mergeConfig(base, given, SECTIONS).config;

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function frozenParts(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).map(frozenParts);
  return inner.reduce((sum, count) => sum + count, Object.isFrozen(value) ? 1 : 0);
}

describe('mergeConfig', () => {
  it('changes nothing when nothing is given', () => {
    fc.assert(
      fc.property(config, (base) => {
        expect(merge(base, {})).to.deep.equal(base);
        expect(merge(base, { writer: null, backend: undefined, detector: {} })).to.deep.equal(base);
      }),
    );
  });

  it('gives the same when the same is merged again', () => {
    fc.assert(
      fc.property(config, sections, (base, given) => {
        expect(merge(merge(base, given), given)).to.deep.equal(merge(base, given));
      }),
    );
  });

  it('lets the last one win field by field, and keeps the others', () => {
    fc.assert(
      fc.property(config, sections, (base, given) => {
        const merged = merge(base, given);
        for (const name of SECTIONS) {
          const before = new Map(Object.entries(base[name] ?? {}));
          const after = new Map(Object.entries(merged[name] ?? {}));
          const changes = new Map(Object.entries(new Map(Object.entries(given)).get(name) ?? {}));
          expect([...after.keys()]).to.have.members([...new Set([...before.keys(), ...changes.keys()])]);
          for (const [key, found] of after) {
            expect(found).to.deep.equal(changes.has(key) ? changes.get(key) : before.get(key));
          }
        }
      }),
    );
  });

  it('is the same in one step as in two', () => {
    fc.assert(
      fc.property(config, sections, sections, (base, first, second) => {
        const both = merge(merge({}, first), second);
        expect(merge(merge(base, first), second)).to.deep.equal(merge(base, both));
      }),
    );
  });

  it('changes neither of its inputs, and shares nothing with them', () => {
    fc.assert(
      fc.property(config, sections, (base, given) => {
        // A change of something frozen throws, and what is frozen in the result comes from the inputs.
        expect(frozenParts(merge(deepFreeze(base), deepFreeze(given)))).to.equal(0);
      }),
    );
  });

  it('takes __proto__ for a mere name', () => {
    const given = JSON.parse('{"writer": {"__proto__": {"polluted": 1}}}');
    const merged = merge({ writer: {}, backend: {}, detector: {} }, given);
    expect(Object.getPrototypeOf(merged.writer)).to.equal(Object.prototype);
    expect(merged.writer).not.to.have.nested.property('polluted');
    expect(Object.prototype).not.to.have.property('polluted');
  });

  it('reports sections it does not know and values that are no sections, and keeps the base', () => {
    const given = JSON.parse('{"backnd": {"a": 1}, "writer": [], "detector": "x", "__proto__": {"a": 1}}');
    expect(mergeConfig({ writer: { a: 1 }, backend: {}, detector: {} }, given)).to.deep.equal({
      config: { writer: { a: 1 }, backend: {}, detector: {} },
      findings: [
        "Unknown config section 'backnd'. Did you mean 'backend'?",
        "Config section 'writer' expected a JSON object, got [].",
        `Config section 'detector' expected a JSON object, got "x".`,
        "Unknown config section '__proto__'. Known are 'writer', 'backend', 'detector'.",
      ],
    });
  });
});

describe('applyOverlay', () => {
  it('puts the overlay of a pipeline on top of the common config', () => {
    const common = { writer: { n_frames: 1 }, detector: { exptime: 1, dr: 16 } };
    expect(applyOverlay(common, { detector: { exptime: 2 }, backend: { a: 1 } })).to.deep.equal({
      writer: { n_frames: 1 },
      detector: { exptime: 2, dr: 16 },
      backend: { a: 1 },
    });
    expect(common.detector.exptime).to.equal(1);
  });
});
