import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { checkAdapterOptions } from '../../../src/adapters/registry.js';
import { DeploymentSchema } from '../../../src/config/deployment.js';
import { listDeployments, packagedDeploymentsFolder } from '../../../src/config/findDeployment.js';
import { loadDeployment } from '../../../src/config/loadDeployment.js';
import { EntrySchema } from '../../../src/config/pipelinesFrom.js';

const deploymentsFolder = packagedDeploymentsFolder();
const plain = (node: object) => JSON.parse(JSON.stringify(node)) as SchemaNode;
const schema = plain(DeploymentSchema);
const documentation = (name: string) => readFile(join(dirname(deploymentsFolder), 'docs', name), 'utf8');

interface SchemaNode {
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

/** Lines without the blanks by which the formatter aligns tables. */
function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
}

/** Rows of the table of all keys, made from the schema: key, default, meaning. */
function rows(node: SchemaNode, prefix = ''): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, inner]) => {
    const path = `${prefix}${key}`;
    const nested = inner.items?.properties === undefined ? inner : inner.items;
    const below = rows(nested, `${path}${nested === inner ? '' : '[]'}.`);
    if (nested === inner && below.length > 0) return below;
    const isRequired = node.required?.includes(key) && inner.default === undefined;
    const value = isRequired
      ? 'required'
      : inner.default === undefined
        ? '–'
        : `\`${JSON.stringify(inner.default)}\``;
    return [`| \`${path}\` | ${value} | ${inner.description ?? 'MISSING'} |`, ...below];
  });
}

describe('docs/deployments.md', () => {
  it('has the row of every key, with its default and meaning as the schema has them', async () => {
    const lines = linesOf(await documentation('deployments.md'));
    expect(rows(schema).filter((row) => !lines.includes(row))).to.deep.equal([]);
  });

  it('has no row of a key that does not exist', async () => {
    const lines = linesOf(await documentation('deployments.md'));
    const table = lines.slice(lines.indexOf('| Key | Default | Meaning |') + 2);
    const keys = table.slice(0, table.indexOf(''));
    expect(keys.filter((row) => !rows(schema).includes(row))).to.deep.equal([]);
  });

  it('has the row of every key of an entry of pipelinesFrom, and no other', async () => {
    const lines = linesOf(await documentation('deployments.md'));
    const table = lines.slice(lines.indexOf('| Key of an entry | Default | Meaning |') + 2);
    expect(table.slice(0, table.indexOf(''))).to.deep.equal(rows(plain(EntrySchema)));
  });

  it('shows examples that load with the real adapters', async () => {
    const text = await documentation('deployments.md');
    const folder = await mkdtemp(join(tmpdir(), 'dia-docs-'));
    const snippets = [...text.matchAll(/^```(?:yaml|json)\n([\s\S]*?)```/gm)].map(
      ([, snippet = '']) => snippet,
    );
    const load = async (yaml = '') => {
      await writeFile(join(folder, 'deployment.yaml'), yaml);
      const options = { env: {}, flags: {}, cwd: folder, checkOptions: checkAdapterOptions };
      return (await loadDeployment(folder, options)).deployment.pipelines.map(({ name }) => name);
    };
    try {
      const schema = await readFile(join(deploymentsFolder, 'simulation', 'config.schema.json'));
      await writeFile(join(folder, 'config.schema.json'), schema);
      const [whole, from, list = ''] = snippets;
      expect(await load(whole)).to.deep.equal(['eiger']);
      await writeFile(join(folder, 'available_detectors.json'), list);
      expect(await load(`name: hutch\n${from}`)).to.deep.equal(['JF01']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('docs/configuration.md', () => {
  it('names every parameter of the simulation, and every text of its rules', async () => {
    const text = await documentation('configuration.md');
    const file = join(deploymentsFolder, 'simulation', 'config.schema.json');
    const simulation = JSON.parse(await readFile(file, 'utf8')) as SchemaNode;
    for (const [name, section] of Object.entries(simulation.properties ?? {})) {
      for (const parameter of Object.keys(section.properties ?? {})) {
        expect(text).to.match(new RegExp(`^\\| ${name} +\\| \`${parameter}\` +\\|`, 'm'));
      }
    }
    for (const rule of [
      "'dr' set to",
      "detector 'frames' set to",
      "writer 'n_frames' set to",
      '[10000-29999]',
    ]) {
      expect(text).to.include(rule);
    }
  });
});

describe('the packaged deployments', () => {
  it('load, all of them, and carry the name of their folder', async () => {
    const names = await listDeployments();
    expect(names).to.include('simulation');
    for (const name of names) {
      const options = { env: {}, flags: {}, cwd: tmpdir(), checkOptions: () => [] };
      const { deployment, validator } = await loadDeployment(name, options);
      expect(deployment.name).to.equal(name);
      expect(validator.validate(validator.emptyConfig()).findings).to.have.lengthOf(
        validator.sections.length,
      );
    }
  });

  it('allow the absolute file of the quick start in the simulation', async () => {
    const options = { env: {}, flags: {}, cwd: '/', checkOptions: () => [] };
    expect((await loadDeployment('simulation', options)).roots).to.include.members(['/tmp', tmpdir()]);
  });

  for (const [variable, value, text] of [
    ['DIA_PORT', 'abc', 'DIA_PORT has to be a port number up to 65535, got "abc".'],
    ['DIA_PORT', '70000', 'DIA_PORT has to be a port number up to 65535, got "70000".'],
    ['DIA_LOG_LEVEL', 'loud', 'DIA_LOG_LEVEL has to be error, warn, info or debug, got "loud".'],
    ['DIA_DATA_DIR', '/dev/null', 'DIA_DATA_DIR is no folder: /dev/null.'],
  ] as const) {
    it(`have a start script that refuses ${variable}=${value}`, () => {
      const script = join(deploymentsFolder, 'simulation', 'start.sh');
      const run = () =>
        execFileSync(script, ['--help'], {
          env: { ...process.env, [variable]: value },
          stdio: 'pipe',
          encoding: 'utf8',
        });
      expect(run).to.throw().with.property('status', 2);
      expect(run).to.throw().with.property('stderr').that.includes(text);
    });
  }
});
