import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Document, parseDocument } from 'yaml';
import { checkAdapterOptions } from '../../src/adapters/registry.js';
import { listDeployments, packagedDeploymentsFolder } from '../../src/config/findDeployment.js';
import { type LoadedDeployment, loadDeployment } from '../../src/config/loadDeployment.js';
import { InvalidRequestError } from '../../src/contracts/errors.js';

const deployments = await listDeployments();
const folderOf = (name: string) => join(packagedDeploymentsFolder(), name);
const texts = new Map<string, string>();
for (const name of deployments) {
  texts.set(name, await readFile(join(folderOf(name), 'deployment.yaml'), 'utf8'));
}

/** A change of the deployment file, and what has to be found then, by the end of the finding. */
type Mutation = readonly [what: string, change: (document: Document) => void, finding: RegExp];

type Path = readonly (string | number)[];

const set = (path: Path, value: unknown) => (document: Document) => document.setIn(path, value);

/** Where the document says which adapters there are. */
function adapterPaths(document: Document): [role: string, path: Path][] {
  const roles = ['detector', 'backend', 'writer'];
  const { pipelines = [], auxiliaryWriters = [], trigger } = document.toJS();
  return [
    ...pipelines.flatMap((_: unknown, index: number) =>
      roles.map((role) => [role, ['pipelines', index, role]]),
    ),
    ...(document.has('pipelinesFrom') ? roles.map((role) => [role, ['pipelinesFrom', role]]) : []),
    ...auxiliaryWriters.map((_: unknown, index: number) => ['writer', ['auxiliaryWriters', index]]),
    ...(trigger === undefined ? [] : [['trigger', ['trigger']]]),
  ] as [string, Path][];
}

const pathPattern = (path: Path) =>
  path
    .map((part, index) => (typeof part === 'number' ? `\\[${part}\\]` : `${index === 0 ? '' : '\\.'}${part}`))
    .join('');

/** What can go wrong in every deployment. */
function commonMutations(document: Document): Mutation[] {
  const ofAdapters = adapterPaths(document).flatMap(([role, path]): Mutation[] => {
    const where = pathPattern(path);
    return [
      [
        `an unknown kind of ${path.join('.')}`,
        set([...path, 'kind'], 'qwertz'),
        new RegExp(`^line \\d+, ${where}: There is no ${role} of kind 'qwertz': .*the kinds are .*\\.$`),
      ],
      [
        `an unknown option of ${path.join('.')}`,
        set([...path, 'options', 'colour'], 'blue'),
        new RegExp(`^line \\d+, ${where}: options\\.colour is unknown`),
      ],
      [
        `a reference into the void at ${path.join('.')}`,
        set([...path, 'options', 'colour'], `\${services.nowhere.http}`),
        new RegExp(`^line \\d+, ${where}\\.options: '\\$\\{services\\.nowhere\\.http\\}' names no service`),
      ],
      [
        `a variable that is not set at ${path.join('.')}`,
        set([...path, 'options', 'colour'], `\${env.DIA_TEST_NOT_SET}`),
        new RegExp(
          `^line \\d+, ${where}\\.options\\.colour: environment variable DIA_TEST_NOT_SET is not set\\.$`,
        ),
      ],
    ];
  });
  return [
    ['a misspelt key', set(['limit'], {}), /^line \d+, limit: unknown key\. Did you mean 'limits'\?$/],
    [
      'a wrong type',
      set(['http'], { port: 'many' }),
      /^line \d+, http\.port: expected a whole number, got "many"\.$/,
    ],
    [
      'a wrong word',
      set(['vocabulary'], 'redy'),
      /^line \d+, vocabulary: expected one of classic, ready, got "redy"\. Did you mean 'ready'\?$/,
    ],
    ['a missing name', (document) => document.delete('name'), /^name: is missing\.$/],
    [
      'a schema that is not there',
      set(['schema'], 'none.json'),
      /^line \d+, schema: Cannot read .*none\.json: ENOENT/,
    ],
    ...ofAdapters,
  ];
}

/** Replaces one text of a file of a deployment. */
interface Edit {
  readonly file?: string;
  readonly from: string;
  readonly to: string;
}

/** What can go wrong with what only this deployment has; the findings to the letter, without their lines. */
const ownMutations: Record<string, [what: string, edit: Edit, findings: string[]][]> = {
  'csaxs-eiger9m': [
    [
      'a route in capitals',
      { from: 'path: /threshold', to: 'path: /Threshold' },
      [`routes[0].path: expected a path such as '/threshold' in small letters, got "/Threshold".`],
    ],
    [
      'a route without its parameter',
      { from: 'parameter: threshold', to: 'paramter: threshold' },
      ['routes[0].parameter: is missing.', "routes[0].paramter: unknown key. Did you mean 'parameter'?"],
    ],
    [
      'a relative writer',
      { from: `\${env.CSAXS_WRITER:-dia-writer}`, to: 'writer.sh' },
      ['pipelines[0].writer: options.command must match pattern "^(dia-writer|/.+)$", got "writer.sh"'],
    ],
    [
      'a misspelt variable',
      { from: `\${env.CSAXS_STREAM:-tcp://127.0.0.1:9999}`, to: `\${env.CSAXS_STREEM}` },
      ['pipelines[0].writer.options.streamAddress: environment variable CSAXS_STREEM is not set.'],
    ],
    [
      'a rule that sets what is no parameter',
      { file: 'config.schema.json', from: '"/detector/exptime": -1', to: '"/detector/exptim": -1' },
      [
        "schema: config.schema.json is no usable config schema: x-set names '/detector/exptim', which is no parameter. Did you mean '/detector/exptime'?.",
      ],
    ],
    [
      'an alias that is another parameter',
      { file: 'config.schema.json', from: '"x-alias": "n_frames"', to: '"x-alias": "cycles"' },
      [
        "schema: config.schema.json is no usable config schema: section 'detector' has 'cycles' as a name or x-alias twice.",
      ],
    ],
  ],
  'swissfel-jungfrau': [
    [
      'a misspelt file rule',
      { from: 'append: ".BSREAD.h5"', to: 'apend: ".BSREAD.h5"' },
      ['fileRules[1].append: is missing.', "fileRules[1].apend: unknown key. Did you mean 'append'?"],
    ],
    [
      'a key that no detector of the list has',
      { from: `\${entry.backend_api_url}`, to: `\${entry.backend_api_ur}` },
      [
        `pipelinesFrom.backend.options.url: '\${entry.backend_api_ur}': an entry has no key 'backend_api_ur'. Did you mean 'backend_api_url'?`,
      ],
    ],
    [
      'a list of detectors that is not there',
      { from: ':-available_detectors.json', to: ':-detectors.json' },
      [
        "pipelinesFrom.file: Cannot read detectors.json: ENOENT: no such file or directory, open 'detectors.json'.",
      ],
    ],
    [
      'a misspelt key of a detector',
      { file: 'available_detectors.json', from: '"n_bad_modules": 1', to: '"n_bad_module": 1' },
      [
        'pipelinesFrom.file: available_detectors.json: JF02.n_bad_modules: is missing.',
        "pipelinesFrom.file: available_detectors.json: JF02.n_bad_module: unknown key. Did you mean 'n_bad_modules'?",
      ],
    ],
    [
      'two writers on one port',
      { file: 'available_detectors.json', from: '"writer_port": 9203', to: '"writer_port": 9201' },
      ['pipelinesFrom.file: available_detectors.json: JF04.writer_port: 9201 is the port of JF02 already.'],
    ],
    [
      'a code that is none',
      { from: ':-254', to: ':-go' },
      ['trigger: options.startCode must be integer, got "go"'],
    ],
    [
      'a wrong truth value',
      { from: 'resetWhileRunning: false', to: 'resetWhileRunning: never' },
      ['resetWhileRunning: expected true or false, got "never".'],
    ],
  ],
};

describe('every packaged deployment', () => {
  let base: string;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'dia-deployments-'));
  });
  after(() => rm(base, { recursive: true }));

  const load = (nameOrPath: string, env: NodeJS.ProcessEnv = {}): Promise<LoadedDeployment> =>
    loadDeployment(nameOrPath, { env, flags: {}, cwd: base, checkOptions: checkAdapterOptions });

  /** Findings of a deployment, files without their folders. */
  async function findingsOf(folder: string): Promise<string[]> {
    const thrown: unknown = await load(folder).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(InvalidRequestError);
    const { code, message } = thrown as InvalidRequestError;
    expect(code).to.equal('invalid_deployment');
    return message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replaceAll(`${folder}/`, ''));
  }

  async function copyOf(name: string): Promise<string> {
    const folder = await mkdtemp(join(base, `${name}-`));
    await cp(folderOf(name), folder, { recursive: true });
    return folder;
  }

  for (const name of deployments) {
    it(`${name} loads with the real adapters, without any variable set`, async () => {
      expect((await load(name)).deployment).to.include({ name });
    });

    describe(`a broken copy of ${name}`, () => {
      const text = texts.get(name) ?? '';
      for (const [what, change, finding] of commonMutations(parseDocument(text))) {
        it(`with ${what} is refused for just that`, async () => {
          const folder = await copyOf(name);
          const document = parseDocument(text);
          change(document as unknown as Document);
          await writeFile(join(folder, 'deployment.yaml'), String(document));
          const findings = await findingsOf(folder);
          expect(findings).to.have.lengthOf(1);
          expect(findings[0]).to.match(finding);
        });
      }

      for (const [what, { file = 'deployment.yaml', from, to }, expected] of ownMutations[name] ?? []) {
        it(`with ${what} is refused for just that`, async () => {
          const folder = await copyOf(name);
          const original = await readFile(join(folder, file), 'utf8');
          expect(original).to.include(from);
          await writeFile(
            join(folder, file),
            original.replace(from, () => to),
          );
          const findings = await findingsOf(folder);
          expect(findings.map((line) => line.replaceAll(/line \d+, /g, ''))).to.deep.equal(expected);
        });
      }
    });
  }

  it('has the quick starts of its README accepted by its schema', async () => {
    for (const name of deployments) {
      const { validator } = await load(name);
      const readme = await readFile(join(folderOf(name), 'README.md'), 'utf8').catch(() => '');
      const bodies = [...readme.matchAll(/-d '(\{[\s\S]*?\})'/g)].map(([, body = '']) => JSON.parse(body));
      for (const body of bodies.filter((one) => validator.sections.every((section) => section in one))) {
        expect(validator.validate(body), name).to.deep.include({ findings: [], warnings: [] });
      }
    }
  });
});
