import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

describe('the start script', () => {
  let tools: string;
  before(async () => {
    tools = await mkdtemp(join(tmpdir(), 'dia-start-'));
    await mkdir(join(tools, 'bin'));
    await mkdir(join(tools, 'data'));
    await writeFile(join(tools, 'bin', 'node'), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    for (const program of ['sls_detector_get', 'sls_detector_put']) {
      await writeFile(join(tools, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
    }
  });
  after(() => rm(tools, { recursive: true }));

  const start = (name: string, env: Record<string, string>, args: string[] = []) =>
    spawnSync(join(folderOf(name), 'start.sh'), args, {
      env: { PATH: `${join(tools, 'bin')}:/usr/bin:/bin`, ...env },
      encoding: 'utf8',
    });

  /** What a site has to set, with values that are right. */
  const required: Record<string, () => Record<string, string>> = {
    simulation: () => ({}),
    'simulation-multi': () => ({}),
    'dectris-eiger2': () => ({
      DECTRIS_URL: 'http://127.0.0.1:8081',
      DECTRIS_STREAM: 'tcp://127.0.0.1:31001',
    }),
    'jungfrau-virtual': () => ({ SLS_BIN: join(tools, 'bin') }),
    odin: () => ({
      ODIN_DETECTOR_URL: 'http://127.0.0.1:8081',
      ODIN_FRAME_PROCESSOR: 'tcp://127.0.0.1:5004',
      DIA_DATA_DIR: join(tools, 'data'),
    }),
    'csaxs-eiger9m': () => ({
      DIA_DATA_DIR: join(tools, 'data'),
      CSAXS_BACKEND_URL: 'http://127.0.0.1:8080',
      CSAXS_STREAM: 'tcp://127.0.0.1:9999',
    }),
    'swissfel-jungfrau': () => ({
      DIA_DATA_DIR: join(tools, 'data'),
      SWISSFEL_DETECTORS: join(folderOf('swissfel-jungfrau'), 'available_detectors.json'),
      SWISSFEL_BSREAD_URL: 'http://127.0.0.1:10020',
      SWISSFEL_TIMING_PV: 'TEST:EVENT',
      SWISSFEL_START_CODE: '254',
      SWISSFEL_STOP_CODE: '255',
    }),
  };

  it('is there for every deployment', () => {
    expect(Object.keys(required)).to.have.members(deployments);
  });

  for (const name of Object.keys(required)) {
    it(`of ${name} runs the server with this deployment and hands its options on`, () => {
      const { status, stdout, stderr } = start(name, required[name]?.() ?? {}, ['--port', '0']);
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
      const [program, ...args] = stdout.trim().split('\n');
      expect(program).to.match(/\/dist\/src\/main\.js$/);
      expect(args).to.deep.equal(['serve', folderOf(name), '--port', '0']);
    });

    it(`of ${name} names all variables that are not set, and starts nothing`, () => {
      const names = Object.keys(required[name]?.() ?? {});
      const { status, stderr, stdout } = start(name, {});
      expect(status).to.equal(names.length === 0 ? 0 : 2);
      const named = [...stderr.matchAll(/^start\.sh: (\w+) is not set: .+\.$/gm)].map(
        ([, variable]) => variable,
      );
      expect(named).to.deep.equal(names);
      if (names.length > 0) expect(stdout).to.equal('');
    });

    it(`of ${name} names each variable that is missing alone`, () => {
      const all = required[name]?.() ?? {};
      for (const variable of Object.keys(all)) {
        const { status, stderr } = start(name, { ...all, [variable]: '' });
        expect(status, variable).to.equal(2);
        expect(stderr).to.match(new RegExp(`^start\\.sh: ${variable} is not set: [^\\n]+\\.\\n$`));
      }
    });
  }

  const wrong: [name: string, variable: string, value: string, text: string][] = [
    [
      'csaxs-eiger9m',
      'CSAXS_BACKEND_URL',
      'backend',
      'CSAXS_BACKEND_URL has to be http://host:port, got "backend".',
    ],
    ['csaxs-eiger9m', 'CSAXS_STREAM', 'tcp://x', 'CSAXS_STREAM has to be tcp://host:port, got "tcp://x".'],
    [
      'csaxs-eiger9m',
      'CSAXS_WRITER',
      'writer.sh',
      'CSAXS_WRITER has to be dia-writer or the absolute path of a program, got "writer.sh".',
    ],
    ['csaxs-eiger9m', 'DIA_PORT', '70000', 'DIA_PORT has to be a port number up to 65535, got "70000".'],
    [
      'csaxs-eiger9m',
      'DIA_PORT',
      '99999999999999999999',
      'DIA_PORT has to be a port number up to 65535, got "99999999999999999999".',
    ],
    [
      'csaxs-eiger9m',
      'DIA_LOG_LEVEL',
      'loud',
      'DIA_LOG_LEVEL has to be error, warn, info or debug, got "loud".',
    ],
    ['csaxs-eiger9m', 'DIA_DATA_DIR', '/none', 'DIA_DATA_DIR is no folder: /none.'],
    ['dectris-eiger2', 'DECTRIS_URL', 'dcu', 'DECTRIS_URL has to be http://host[:port], got "dcu".'],
    [
      'dectris-eiger2',
      'DECTRIS_STREAM',
      'tcp://x',
      'DECTRIS_STREAM has to be tcp://host:port, got "tcp://x".',
    ],
    ['dectris-eiger2', 'DECTRIS_GATING_MODE', 'x', 'DECTRIS_GATING_MODE has to be exte or extg, got "x".'],
    ['odin', 'ODIN_DETECTOR_URL', 'dcu', 'ODIN_DETECTOR_URL has to be http://host[:port], got "dcu".'],
    ['odin', 'ODIN_FRAME_PROCESSOR', 'x:1', 'ODIN_FRAME_PROCESSOR has to be tcp://host:port, got "x:1".'],
    ['odin', 'ODIN_STREAM_FORMAT', 'v2', 'ODIN_STREAM_FORMAT has to be legacy or cbor, got "v2".'],
    ['simulation-multi', 'DIA_PORT', 'x', 'DIA_PORT has to be a port number up to 65535, got "x".'],
    ['csaxs-eiger9m', 'DIA_DATA_DIR', '/dev/null', 'DIA_DATA_DIR is no folder: /dev/null.'],
    [
      'swissfel-jungfrau',
      'SWISSFEL_DETECTORS',
      'here.json',
      'SWISSFEL_DETECTORS has to be an absolute path, got "here.json".',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_DETECTORS',
      '/none.json',
      'SWISSFEL_DETECTORS cannot be read: /none.json.',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_START_CODE',
      '2x',
      'SWISSFEL_START_CODE has to be a whole number, got "2x".',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_BSREAD_URL',
      'bsread',
      'SWISSFEL_BSREAD_URL has to be http://host:port, got "bsread".',
    ],
    [
      'swissfel-jungfrau',
      'SWISSFEL_WRITER',
      'writer.sh',
      'SWISSFEL_WRITER has to be dia-writer or the absolute path of a program, got "writer.sh".',
    ],
  ];
  for (const [name, variable, value, text] of wrong) {
    it(`of ${name} refuses ${variable}=${value}`, () => {
      const { status, stderr } = start(name, { ...required[name]?.(), [variable]: value });
      expect({ status, stderr }).to.deep.equal({ status: 2, stderr: `start.sh: ${text}\n` });
    });
  }

  it('takes values that the deployment takes as well', async () => {
    for (const [name, values] of Object.entries(required)) {
      const options = { flags: {}, cwd: tools, checkOptions: checkAdapterOptions };
      const { deployment, dataFolder } = await loadDeployment(name, { ...options, env: values() });
      expect(deployment.name).to.equal(name);
      if ('DIA_DATA_DIR' in values()) expect(dataFolder).to.equal(join(tools, 'data'));
    }
  });
});
