import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { writeValidator } from '../../../scripts/writeValidator.js';
import {
  type MadeValidator,
  SchemaCompiler,
  type SchemaCompilerOptions,
} from '../../../src/schemas/schemaCompiler.js';

const OPTIONS = { allErrors: true, verbose: true, useDefaults: true };
const SCHEMA = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^[a-z]+$', minLength: 2 },
    frames: { type: 'integer', minimum: 1, default: 1 },
  },
  additionalProperties: false,
};

describe('SchemaCompiler', () => {
  let folder: string;
  let made: MadeValidator[];

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'dia-schemas-')), 'validators');
    await mkdir(folder);
    // Stored validators use parts of Ajv, as they do in dist/.
    const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
    await symlink(modules, join(folder, '..', 'node_modules'));
    made = [];
    SchemaCompiler.onMade = (validator) => made.push(validator);
  });

  afterEach(async () => {
    SchemaCompiler.onMade = null;
    await rm(join(folder, '..'), { recursive: true, force: true });
  });

  const compiler = (more: Partial<SchemaCompilerOptions> = {}) =>
    new SchemaCompiler({ options: OPTIONS, folder, ...more });

  async function store(): Promise<void> {
    for (const one of made.splice(0)) await writeValidator(folder, one);
  }

  it('takes the validator that was stored, which says the same as one that is compiled', async () => {
    const compiled = compiler().compile(SCHEMA);
    await store();
    const stored = compiler().compile(SCHEMA);
    expect(made, 'compiled again').to.deep.equal([]);
    for (const candidate of [{ name: 'ab' }, { name: 'A', frames: 0, more: 1 }, {}, [], null]) {
      const [one, other] = [structuredClone(candidate), structuredClone(candidate)];
      expect(stored(one)).to.equal(compiled(other));
      expect(stored.errors).to.deep.equal(compiled.errors);
      expect(one).to.deep.equal(other);
    }
  });

  it('compiles anew what differs in the schema, the options or the keywords', async () => {
    const foreign = { isForeign: true };
    compiler(foreign).compile(SCHEMA);
    await store();
    const others: [string, () => unknown][] = [
      ['schema', () => compiler(foreign).compile({ ...SCHEMA, required: [] })],
      ['options', () => compiler({ ...foreign, options: { verbose: true } }).compile(SCHEMA)],
      ['keywords', () => compiler({ ...foreign, keywords: [{ keyword: 'x-a' }] }).compile(SCHEMA)],
      ['whose it is', () => compiler().compile(SCHEMA)],
    ];
    for (const [difference, compile] of others) {
      compile();
      expect(made, difference).to.have.length.above(0);
      made = [];
    }
  });

  it('says the same of a foreign schema that is wrong, whether the rules of JSON Schema are stored or not', async () => {
    const wrong = { type: 'object', properties: { a: { minLength: -1, type: 'strng' } } };
    const texts = [];
    for (const _ of ['not stored', 'stored']) {
      let text = '';
      try {
        compiler({ isForeign: true }).compile(wrong);
      } catch (error) {
        text = (error as Error).message;
      }
      texts.push(text);
      await store();
    }
    expect(await readdir(folder)).to.have.length(1);
    expect(texts[0]).to.match(/^schema is invalid: data\/properties\/a\/type must be equal to one of .*>= 0/);
    expect(texts[1]).to.equal(texts[0]);
  });

  it('does not ask for the rules again where they are stored, unless a schema has other ones', async () => {
    compiler({ isForeign: true }).compile(SCHEMA);
    expect(made.length, 'the rules and the schema').to.equal(2);
    await store();
    compiler({ isForeign: true }).compile({ type: 'string' });
    expect(made.length, 'the schema alone').to.equal(1);
    const unknownRules = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'string' };
    expect(() => compiler({ isForeign: true }).compile(unknownRules)).to.throw('draft-07');
  });

  it('compiles a schema that refers to the rules of JSON Schema', async () => {
    compiler({ isForeign: true }).compile(SCHEMA);
    await store();
    const refers = {
      type: 'object',
      properties: { a: { $ref: 'https://json-schema.org/draft/2020-12/schema' } },
    };
    const validate = compiler({ isForeign: true }).compile(refers);
    expect(validate({ a: { type: 'string' } })).to.equal(true);
    expect(validate({ a: { type: 'strng' } })).to.equal(false);
  });
});
