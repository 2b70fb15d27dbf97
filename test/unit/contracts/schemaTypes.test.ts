import { expect } from 'chai';
import { Type as TypeBox } from 'typebox';
import { Type } from '../../../src/contracts/schemaTypes.js';

/** A schema with everything that can be built, by whose builders it is told. */
const sample = (T: typeof Type) =>
  T.Object(
    {
      flag: T.Boolean({ default: true }),
      word: T.Enum(['one', 'other'], { description: 'a word' }),
      count: T.Optional(T.Integer({ minimum: 0 })),
      both: T.Intersect([T.Object({ a: T.String() }), T.Object({ b: T.Number() })]),
      either: T.Union([T.Literal('x'), T.Literal(1), T.Literal(false)], { title: 'either' }),
      list: T.Array(T.String({ pattern: '^a' }), { minItems: 1 }),
      byName: T.Record(T.String(), T.Boolean()),
      byPattern: T.Record(T.String({ pattern: '^[a-z]$' }), T.Number(), { description: 'by letter' }),
      any: T.Unsafe<string>({ type: ['string', 'null'] }),
      none: T.Object({ only: T.Optional(T.String()) }),
    },
    { additionalProperties: false },
  );

describe('Type', () => {
  it('builds the schemas that TypeBox builds', () => {
    expect(JSON.stringify(sample(Type))).to.equal(JSON.stringify(sample(TypeBox)));
  });
});
