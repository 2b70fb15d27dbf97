import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { optionsSchemas } from '../../../src/adapters/registry.js';
import { packagedDeploymentsFolder } from '../../../src/config/findDeployment.js';

const folder = join(packagedDeploymentsFolder(), '..', 'docs', 'adapters');

interface Options {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, { readonly default?: unknown }>>;
}

/** Every kind with the roles it has, and their options together: kinds of one name share a page. */
function kinds(): Map<string, { roles: string[]; options: Options[] }> {
  const found = new Map<string, { roles: string[]; options: Options[] }>();
  for (const [role, schemas] of Object.entries(optionsSchemas())) {
    for (const [kind, schema] of Object.entries(schemas)) {
      const entry = found.get(kind) ?? { roles: [], options: [] };
      found.set(kind, entry);
      entry.roles.push(role);
      entry.options.push(schema as Options);
    }
  }
  return found;
}

/** Default by option name, as the table of options has them; null without a table. */
function tableOf(page: string): Map<string, string> | null {
  const lines = page.split('\n');
  const head = lines.findIndex((line) => /^\| Option +\| Default +\| Meaning +\|$/.test(line));
  if (head < 0) return null;
  const rows = lines.slice(head + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return new Map(
    rows.slice(0, end).map((row) => {
      const [, name = '', value = ''] = row.split('|').map((cell) => cell.trim());
      return [name.replaceAll('`', ''), value.replaceAll('`', '')];
    }),
  );
}

describe('the pages of the adapters', () => {
  for (const [kind, { roles, options }] of kinds()) {
    describe(`docs/adapters/${kind}.md`, () => {
      const read = () => readFile(join(folder, `${kind}.md`), 'utf8');

      it('has a row for each option, with its default, and no other rows', async () => {
        const table = tableOf(await read());
        const properties = Object.assign({}, ...options.map((schema) => schema.properties ?? {})) as Record<
          string,
          { default?: unknown }
        >;
        expect([...(table?.keys() ?? [])]).to.have.members(Object.keys(properties));
        for (const [name, { default: value }] of Object.entries(properties)) {
          const cell = table?.get(name)?.replaceAll(/[" ]/g, '');
          if (value !== undefined) expect(cell, name).to.equal(JSON.stringify(value).replaceAll(/[" ]/g, ''));
          else if (options.some(({ required }) => required?.includes(name))) {
            expect(cell, name).to.equal('required');
          }
        }
      });

      it('says how it was tested, and is in the list', async () => {
        if (kind !== 'none') expect(await read()).to.include('\n## How it was tested\n');
        const list = await readFile(join(folder, 'README.md'), 'utf8');
        for (const role of roles) expect(list).to.match(new RegExp(`\\| ${role} +\\| \\[${kind}\\]`));
      });
    });
  }
});
