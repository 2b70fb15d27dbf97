import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type LoadOptions, loadDeployment } from '../../../src/config/loadDeployment.js';
import { InvalidRequestError, UnknownNameError } from '../../../src/contracts/errors.js';

const SCHEMA = JSON.stringify({ properties: { writer: { type: 'object', properties: {} } } });
const MINIMAL = `name: test
pipelines:
  - name: eiger
    detector: { kind: simulated, options: { control: "tcp://127.0.0.1:1" } }
    backend: { kind: psi }
    writer: { kind: h5-service }
`;

describe('loadDeployment', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-config-'));
    await writeFile(join(folder, 'config.schema.json'), SCHEMA);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (yaml: string, options: Partial<LoadOptions> = {}) => {
    await writeFile(join(folder, 'deployment.yaml'), yaml);
    return loadDeployment(folder, { env: {}, flags: {}, cwd: folder, checkOptions: () => [], ...options });
  };

  /** The findings, without the file's name. */
  const findingsOf = async (yaml: string, options: Partial<LoadOptions> = {}) => {
    const error: unknown = await load(yaml, options).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(InvalidRequestError);
    const { code, message } = error as InvalidRequestError;
    expect(code).to.equal('invalid_deployment');
    const [first, ...findings] = message.split('\n');
    expect(first).to.match(/deployment\.yaml has (1 problem|\d+ problems):$/);
    return findings.map((finding) => finding.trim());
  };

  it('fills in every default', async () => {
    const { deployment } = await load(MINIMAL);
    expect(deployment).to.deep.include({
      vocabulary: 'classic',
      existingFile: 'number',
      http: {
        host: '127.0.0.1',
        port: 10000,
        legacyStatusCodes: false,
        bodyLimitBytes: 1_048_576,
        eventStreams: 200,
      },
      log: { level: 'info' },
      auxiliaryWriters: [],
      trigger: { kind: 'none', options: {} },
      services: [],
    });
    expect(deployment.limits).to.include({ callTimeoutMs: 20_000, pollRunningMs: 20 });
    expect(deployment.pipelines[0]?.backend).to.deep.equal({ kind: 'psi', options: {}, enabled: true });
  });

  it('gives the same defaults to every load', async () => {
    const first = await load(MINIMAL);
    first.deployment.http.port = 1;
    first.deployment.services.push({ name: 'x', args: [], lingerMs: 0 });
    expect((await load(MINIMAL)).deployment).to.deep.include({ services: [] });
    expect((await load(MINIMAL)).deployment.http.port).to.equal(10000);
  });

  it('puts the environment over the file and the flags over both', async () => {
    const yaml = `${MINIMAL}http: { host: file, port: 1 }\nlog: { level: error }\npaths: { data: file }\n`;
    const env = { DIA_HOST: 'env', DIA_PORT: '2', DIA_LOG_LEVEL: 'warn', DIA_DATA_DIR: 'env' };
    const flags = { host: 'flag', port: '3', logLevel: 'debug', dataDir: 'flag' };
    const settings = async (options: Partial<LoadOptions>) => {
      const { deployment } = await load(yaml, options);
      return [deployment.http.host, deployment.http.port, deployment.log.level, deployment.paths.data];
    };
    expect(await settings({})).to.deep.equal(['file', 1, 'error', 'file']);
    expect(await settings({ env })).to.deep.equal(['env', 2, 'warn', 'env']);
    expect(await settings({ env, flags })).to.deep.equal(['flag', 3, 'debug', 'flag']);
    expect(await settings({ env, flags: { port: 0 } })).to.deep.equal(['env', 0, 'warn', 'env']);
  });

  it('takes an empty environment variable for none', async () => {
    expect((await load(MINIMAL, { env: { DIA_PORT: '' } })).deployment.http.port).to.equal(10000);
  });

  it('names the variable or flag that is wrong', async () => {
    const env = { DIA_PORT: 'abc', DIA_LOG_LEVEL: 'wan' };
    expect(await findingsOf(MINIMAL, { env })).to.deep.equal([
      'DIA_PORT (http.port): expected a whole number, got "abc".',
      `DIA_LOG_LEVEL (log.level): expected one of error, warn, info, debug, got "wan". Did you mean 'warn'?`,
    ]);
    expect(await findingsOf(MINIMAL, { env: { DIA_PORT: 'abc' }, flags: { port: '70000' } })).to.deep.equal([
      '--port (http.port): expected at most 65535, got 70000.',
    ]);
  });

  it('resolves folders from the working directory and the words for the temporary one', async () => {
    const loaded = await load(`${MINIMAL}paths: { roots: [tmp, "\${tmpdir}/more", /data] }\n`);
    expect(loaded.dataFolder).to.equal(join(folder, 'data'));
    expect(loaded.stateFolder).to.equal(join(folder, 'data', '.dia'));
    expect(loaded.roots).to.deep.equal([join(folder, 'data'), tmpdir(), join(tmpdir(), 'more'), '/data']);
    const elsewhere = await load(`${MINIMAL}paths: { data: /srv/data, state: state }\n`);
    expect([elsewhere.dataFolder, elsewhere.stateFolder]).to.deep.equal(['/srv/data', join(folder, 'state')]);
  });

  it('makes the validator of the deployment', async () => {
    expect((await load(MINIMAL)).validator.sections).to.deep.equal(['writer']);
  });

  const broken: [string, string, string[]][] = [
    ['an empty file', '', ['expected keys such as name and pipelines, but the file has none.']],
    ['a list', '- a', ['expected keys such as name and pipelines, but the file has none.']],
    [
      'broken YAML',
      'name: [a\nhttp: 1',
      ['line 2: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    ['a key given twice', `${MINIMAL}name: again`, ['line 7: Map keys must be unique']],
    [
      'an alias of nothing',
      `${MINIMAL}log: *nothing`,
      ['Unresolved alias (the anchor must be set before the alias): nothing'],
    ],
    ['missing keys', 'http: {}', ['name: is missing.', 'pipelines: is missing.']],
    ['no pipeline', 'name: a\npipelines: []', ['line 2, pipelines: needs at least 1 entry.']],
    [
      'unknown keys, all at once',
      `${MINIMAL}http:\n  prot: 1\n  host: ''\nlimit: {}\nqwertzuiop: 1\n`,
      [
        "line 8, http.prot: unknown key. Did you mean 'port'?",
        'line 9, http.host: must not be empty.',
        "line 10, limit: unknown key. Did you mean 'limits'?",
        "line 11, qwertzuiop: unknown key. Known are 'name', 'description', 'vocabulary', 'schema', 'http', 'access', 'log', 'paths', 'existingFile', 'allowDevNull', 'fileRules', 'resetWhileRunning', 'onTerminate', 'routes', 'pipelines', 'pipelinesFrom', 'auxiliaryWriters', 'trigger', 'limits', 'stall', 'services'.",
      ],
    ],
    [
      'wrong values',
      `${MINIMAL}http: { port: 70000, legacyStatusCodes: maybe }\nlimits:\n  callTimeoutMs: 0.5\n  stopTimeoutMs: 0\n  roles: { writer: { pollIdleMs: 3 }, camera: {} }\nexistingFile: overwrit\nvocabulary: 5\nlog: 7\n`,
      [
        'line 7, http.port: expected at most 65535, got 70000.',
        'line 7, http.legacyStatusCodes: expected true or false, got "maybe".',
        'line 9, limits.callTimeoutMs: expected a whole number, got 0.5.',
        'line 10, limits.stopTimeoutMs: expected at least 1, got 0.',
        'line 11, limits.roles.camera: unknown key.',
        "line 11, limits.roles.writer.pollIdleMs: unknown key. Known are 'callTimeoutMs', 'statusTimeoutMs', 'lostAfterMs'.",
        `line 12, existingFile: expected one of number, refuse, overwrite, got "overwrit". Did you mean 'overwrite'?`,
        'line 13, vocabulary: expected one of classic, ready, got 5.',
        'line 14, log: expected a group of keys, got 7.',
      ],
    ],
    [
      'a pipeline without its parts',
      'name: a\npipelines:\n  - name: "1"\n    detector: { knid: x }\n    writer: { kind: w }\n',
      [
        'line 3, pipelines[0].backend: is missing.',
        `line 3, pipelines[0].name: expected a letter followed by letters, digits, '-' or '_', got "1".`,
        'line 4, pipelines[0].detector.kind: is missing.',
        "line 4, pipelines[0].detector.knid: unknown key. Did you mean 'kind'?",
      ],
    ],
    [
      'a pipeline twice',
      `${MINIMAL}  - { name: eiger, detector: { kind: a }, backend: { kind: b }, writer: { kind: c } }\n`,
      ["line 7, pipelines[1].name: 'eiger' is used twice."],
    ],
    [
      'a host that cannot be one',
      `${MINIMAL}http: { host: 999.1.1.1 }\n`,
      ['line 7, http.host: expected an address such as 127.0.0.1 or the name of a machine, got "999.1.1.1".'],
    ],
    [
      'the whole disk as a data root',
      `${MINIMAL}paths: { data: /srv/.., roots: [/, /data] }\n`,
      [
        `line 7, paths.data: expected a folder below '/', got "/srv/..": clients could write to every file of the machine.`,
        `line 7, paths.roots[0]: expected a folder below '/', got "/": clients could write to every file of the machine.`,
      ],
    ],
    [
      'arguments that the programs of this project do not know',
      `${MINIMAL}services:
  - { name: a, program: simulated-detector, args: [--shap, 4x4, --shape, 4by4, more] }
  - { name: b, program: simulated-backend, args: [--frames-port=70000] }
  - { name: c, program: writer, args: [--service, --high-water-mark] }
`,
      [
        "line 8, services[0].args: a simulated-detector has no option '--shap'. Did you mean '--shape'?",
        'line 8, services[0].args: --shape expected ROWSxCOLUMNS, for example 512x1024, got "4by4".',
        'line 8, services[0].args: a simulated-detector takes options only, got "more".',
        'line 9, services[1].args: --frames-port expected a port from 0 to 65535, got "70000".',
        'line 9, services[1].args: --frames-from is missing: as a service a simulated-backend needs it.',
        'line 10, services[2].args: --high-water-mark expected a whole number from 1, got nothing.',
        'line 10, services[2].args: --stream is missing: as a service a writer needs it.',
      ],
    ],
    [
      'an auxiliary writer without its section',
      `${MINIMAL}auxiliaryWriters: [{ name: writre, kind: broker }]\n`,
      [
        "line 7, auxiliaryWriters[0].name: expected a section of the schema of this name, got 'writre'. Did you mean 'writer'?",
      ],
    ],
    [
      'services that are neither program nor command, or both',
      `${MINIMAL}services:\n  - name: a\n  - { name: b, program: writer, command: [x] }\n  - { name: c, program: writr }\n`,
      [
        "line 8, services[0]: needs either 'program' or 'command'.",
        "line 9, services[1]: needs either 'program' or 'command'.",
        `line 10, services[2].program: expected one of simulated-detector, simulated-backend, writer, got "writr". Did you mean 'writer'?`,
      ],
    ],
    [
      'references into the void',
      `${MINIMAL.replace('tcp://127.0.0.1:1', `\${services.dector.control}`)}services:\n  - { name: detector, program: simulated-detector }\n  - name: backend\n    program: simulated-backend\n    args: [--frames-from, "\${services.detector.frame}", --host, "\${tmp}"]\n`,
      [
        `line 4, pipelines[0].detector.options: '\${services.dector.control}' names no service of this deployment. Did you mean 'detector'?`,
        `line 11, services[1].args: '\${tmp}' is no reference to a service. Write \${services.<name>.<endpoint>}.`,
        `line 11, services[1].args: '\${services.detector.frame}': a simulated-detector has no endpoint 'frame'. Did you mean 'frames'?`,
      ],
    ],
    [
      'services in a circle',
      `${MINIMAL}services:\n  - { name: a, command: [x], args: ["\${services.b.http}"] }\n  - { name: b, command: [x, "\${services.a.http}"] }\n`,
      ['line 7, services: Services wait for each other in a circle: a -> b -> a.'],
    ],
    [
      'a relative data root',
      `${MINIMAL}paths:\n  roots: [data, /ok]\n`,
      [`line 8, paths.roots[0]: expected an absolute folder, 'tmp' or '\${tmpdir}', got "data".`],
    ],
  ];
  for (const [what, yaml, expected] of broken) {
    it(`reports ${what}`, async () => {
      expect(await findingsOf(yaml)).to.deep.equal(expected);
    });
  }

  it('fills in the environment, and lets DIA_* and flags win over it', async () => {
    const yaml = `${MINIMAL}http: { host: "\${env.SITE_HOST:-localhost}", port: "\${env.SITE_PORT}" }\n`;
    const http = async (options: Partial<LoadOptions>) => {
      const { host, port } = (await load(yaml, options)).deployment.http;
      return `${host}:${port}`;
    };
    expect(await http({ env: { SITE_PORT: '8000' } })).to.equal('localhost:8000');
    expect(await http({ env: { SITE_PORT: '8000', SITE_HOST: 'a', DIA_PORT: '9' } })).to.equal('a:9');
    expect(await http({ env: { SITE_PORT: '8000' }, flags: { host: 'b' } })).to.equal('b:8000');
  });

  it('reports missing variables with everything else, and nothing that follows from them', async () => {
    const yaml = `${MINIMAL.replace('tcp://127.0.0.1:1', `\${env.CONTROL}`)}http: { port: "\${env.SITE_PORT}" }\nlimit: {}\n`;
    const checkOptions = (_role: string, kind: string) => (kind === 'simulated' ? ['is no address'] : []);
    expect(await findingsOf(yaml, { checkOptions })).to.deep.equal([
      'line 4, pipelines[0].detector.options.control: environment variable CONTROL is not set.',
      'line 7, http.port: environment variable SITE_PORT is not set.',
      "line 8, limit: unknown key. Did you mean 'limits'?",
    ]);
  });

  it('does not show what a secret variable has in it', async () => {
    const yaml = `${MINIMAL}log: { level: "\${env.SITE_PASSWORD}" }\nvocabulary: "\${env.SITE_WORDS}"\n`;
    const env = { SITE_PASSWORD: 'hunter2', SITE_WORDS: 'klassic' };
    const findings = await findingsOf(yaml, { env });
    expect(findings.join()).not.to.include('hunter2');
    expect(findings[0]).to.include(`got "\${env.SITE_PASSWORD}"`);
    expect(findings[1]).to.include('got "klassic"');
  });

  it('reports routes with the same path', async () => {
    const route = '{ path: /a, field: a, parameter: a }';
    expect(await findingsOf(`${MINIMAL}routes: [${route},\n ${route}]\n`)).to.deep.equal([
      "line 8, routes[1].path: '/a' is used twice.",
    ]);
  });

  it('asks for the options of every adapter, with sample addresses in place of references', async () => {
    const asked: unknown[] = [];
    const yaml = `${MINIMAL.replace('tcp://127.0.0.1:1', `\${services.detector.control}`)}
auxiliaryWriters: [{ name: bsread, kind: broker, options: { url: "http://x" } }]
trigger: { kind: epics }
services: [{ name: detector, program: simulated-detector }]
`;
    const withSection = JSON.parse(SCHEMA);
    withSection.properties.bsread = { type: 'object', properties: {} };
    await writeFile(join(folder, 'config.schema.json'), JSON.stringify(withSection));
    await load(yaml, {
      checkOptions: (...args) => {
        asked.push(args);
        return [];
      },
    });
    expect(asked).to.deep.equal([
      ['detector', 'simulated', { control: 'tcp://127.0.0.1:1' }],
      ['backend', 'psi', {}],
      ['writer', 'h5-service', {}],
      ['writer', 'broker', { url: 'http://x' }],
      ['trigger', 'epics', {}],
    ]);
  });

  it('reports wrong options together with everything else', async () => {
    const checkOptions = (role: string, kind: string) =>
      role === 'backend' ? [`${kind} needs the option 'url'.`] : [];
    expect(await findingsOf(`${MINIMAL}htp: 1\n`, { checkOptions })).to.deep.equal([
      "line 5, pipelines[0].backend: psi needs the option 'url'.",
      "line 7, htp: unknown key. Did you mean 'http'?",
    ]);
  });

  it('reports a config schema that is missing or of no use', async () => {
    expect((await findingsOf(`${MINIMAL}schema: no.json\n`))[0]).to.match(
      /^line 7, schema: Cannot read .*no\.json: ENOENT/,
    );
    await writeFile(join(folder, 'config.schema.json'), '{}');
    expect((await findingsOf(MINIMAL))[0]).to.match(
      /^schema: .*config\.schema\.json is no usable config schema/,
    );
  });

  it('finds a deployment by file, by folder and by name', async () => {
    const options: LoadOptions = { env: {}, flags: {}, cwd: folder, checkOptions: () => [] };
    await mkdir(join(folder, 'mine'));
    await writeFile(join(folder, 'mine', 'site.yml'), `${MINIMAL}schema: ../config.schema.json\n`);
    await writeFile(join(folder, 'mine', 'deployment.yaml'), `${MINIMAL}schema: ../config.schema.json\n`);
    expect((await loadDeployment('mine/site.yml', options)).file).to.equal(join(folder, 'mine', 'site.yml'));
    expect((await loadDeployment('./mine', options)).folder).to.equal(join(folder, 'mine'));
    expect((await loadDeployment('mine', options)).deployment.name).to.equal('test');
    expect((await loadDeployment('simulation', options)).deployment.name).to.equal('simulation');
  });

  it('lists the deployments that exist when there is none of a name', async () => {
    const options: LoadOptions = { env: {}, flags: {}, cwd: folder, checkOptions: () => [] };
    const thrown: unknown = await loadDeployment('simulaton', options).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(UnknownNameError);
    const { message, facts } = thrown as UnknownNameError;
    expect(message).to.equal("There is no deployment 'simulaton'. Did you mean 'simulation'?");
    expect(facts.expected).to.include('simulation');
    expect(facts.hint).to.include('simulation');
    const byPath: unknown = await loadDeployment('./nowhere', options).catch((error: unknown) => error);
    expect((byPath as Error).message).to.equal(`There is no deployment file at ${join(folder, 'nowhere')}.`);
  });
});
