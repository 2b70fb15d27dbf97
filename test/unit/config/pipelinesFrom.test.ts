import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type LoadOptions, loadDeployment } from '../../../src/config/loadDeployment.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';

const SCHEMA = JSON.stringify({ properties: { writer: { type: 'object', properties: {} } } });
const TEMPLATE = `name: test
pipelinesFrom:
  file: detectors.json
  detector: { kind: sls, options: { index: "\${entry.detector_id}", off: "\${entry.disabled_modules}" } }
  backend: { kind: psi, options: { url: "\${entry.backend_api_url}" }, enabled: false }
  writer:
    kind: h5-process
    options: { args: ["\${entry.name}", "\${entry.n_modules|text}"], label: "\${entry.name}:\${entry.writer_port}" }
`;
const entry = (id: number) => ({
  detector_id: id,
  backend_api_url: `http://127.0.0.1:900${id}`,
  backend_stream_url: `tcp://127.0.0.1:910${id}`,
  writer_port: 9200 + id,
  n_modules: 3,
  n_bad_modules: 0,
});

describe('pipelinesFrom', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-pipelines-'));
    await writeFile(join(folder, 'config.schema.json'), SCHEMA);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (entries: unknown, yaml = TEMPLATE, options: Partial<LoadOptions> = {}) => {
    const text = typeof entries === 'string' ? entries : JSON.stringify(entries, null, 1);
    await writeFile(join(folder, 'detectors.json'), text);
    await writeFile(join(folder, 'deployment.yaml'), yaml);
    return loadDeployment(folder, { env: {}, flags: {}, cwd: '/', checkOptions: () => [], ...options });
  };

  const findingsOf = async (...given: Parameters<typeof load>) => {
    const error: unknown = await load(...given).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(InvalidRequestError);
    return (error as InvalidRequestError).message
      .split('\n')
      .slice(1)
      .map((finding) => finding.trim());
  };

  it('makes a plain pipeline of each entry', async () => {
    const { deployment } = await load({ JF01: entry(1), JF02: { ...entry(2), disabled_modules: [4, 5] } });
    expect(deployment).not.to.have.property('pipelinesFrom');
    expect(deployment.pipelines).to.deep.equal([
      {
        name: 'JF01',
        detector: { kind: 'sls', options: { index: 1 }, enabled: true },
        backend: { kind: 'psi', options: { url: 'http://127.0.0.1:9001' }, enabled: false },
        writer: { kind: 'h5-process', options: { args: ['JF01', '3'], label: 'JF01:9201' }, enabled: true },
      },
      {
        name: 'JF02',
        detector: { kind: 'sls', options: { index: 2, off: [4, 5] }, enabled: true },
        backend: { kind: 'psi', options: { url: 'http://127.0.0.1:9002' }, enabled: false },
        writer: { kind: 'h5-process', options: { args: ['JF02', '3'], label: 'JF02:9202' }, enabled: true },
      },
    ]);
  });

  it('takes a list with names as well', async () => {
    const { deployment } = await load([
      { name: 'B', ...entry(2) },
      { name: 'A', ...entry(1) },
    ]);
    expect(deployment.pipelines.map(({ name }) => name)).to.deep.equal(['B', 'A']);
  });

  it('takes the path of the file from the environment', async () => {
    const elsewhere = join(folder, 'elsewhere.json');
    await writeFile(elsewhere, JSON.stringify({ JF07: entry(7) }));
    const yaml = TEMPLATE.replace('detectors.json', `"\${env.DETECTORS}"`);
    const { deployment } = await load({}, yaml, { env: { DETECTORS: elsewhere } });
    expect(deployment.pipelines.map(({ name }) => name)).to.deep.equal(['JF07']);
  });

  it('still lets services be referred to', async () => {
    const yaml = `${TEMPLATE.replace(`\${entry.backend_api_url}`, `\${services.b.http}`)}services: [{ name: b, program: simulated-backend, args: [--frames-from, x] }]\n`;
    const { deployment } = await load({ JF01: entry(1) }, yaml);
    expect(deployment.pipelines[0]?.backend.options).to.deep.equal({ url: `\${services.b.http}` });
  });

  it('reports all that is wrong with the entries, with file, line and key', async () => {
    const { n_modules: _left, ...incomplete } = entry(1);
    const entries = {
      JF01: incomplete,
      JF02: { ...entry(2), writer_prot: 5, writer_port: '9202' },
      JF03: { ...entry(3), backend_api_url: 'backend:80', n_bad_modules: -1 },
      '4': entry(4),
      JF05: 7,
    };
    const place = 'line 3, pipelinesFrom.file: detectors.json: ';
    expect(await findingsOf(entries)).to.deep.equal(
      [
        `line 2, 4: expected a letter followed by letters, digits, '-' or '_', got "4".`,
        'line 10, JF01.n_modules: is missing.',
        'line 21, JF02.writer_port: expected a whole number, got "9202".',
        "line 24, JF02.writer_prot: unknown key. Did you mean 'writer_port'?",
        `line 28, JF03.backend_api_url: expected an address such as 'http://host:port', got "backend:80".`,
        'line 32, JF03.n_bad_modules: expected at least 0, got -1.',
        'line 34, JF05: expected a group of keys, got 7.',
      ].map((finding) => `${place}${finding}`),
    );
  });

  it('reports names, ports and modules that contradict each other', async () => {
    const list = [
      { name: 'A', ...entry(1) },
      { name: 'A', ...entry(2) },
      { name: 'B', ...entry(1), n_bad_modules: 4 },
      entry(3),
    ];
    expect((await findingsOf(list)).map((text) => text.replace(/line \d+, /g, ''))).to.deep.equal([
      "pipelinesFrom.file: detectors.json: [1].name: 'A' is used twice.",
      'pipelinesFrom.file: detectors.json: [2].writer_port: 9201 is the port of A already.',
      'pipelinesFrom.file: detectors.json: [2].n_bad_modules: expected at most n_modules, 3, got 4.',
      `pipelinesFrom.file: detectors.json: [3].name: expected a letter followed by letters, digits, '-' or '_', got "".`,
    ]);
  });

  const unusable: [string, string, RegExp][] = [
    ['no JSON', '{,', /^line 3, pipelinesFrom\.file: detectors\.json: is no JSON: /],
    ['no entries', '{}', /detectors\.json: has no pipelines\.$/],
    ['an empty list', '[]', /detectors\.json: has no pipelines\.$/],
    ['a number', '5', /detectors\.json: expected an object of pipelines by name, or a list of them\.$/],
    [
      'a name twice',
      `{"A": ${JSON.stringify(entry(1))},\n"A": ${JSON.stringify(entry(2))}}`,
      /line 2: Map keys must be unique$/,
    ],
  ];
  for (const [what, text, expected] of unusable) {
    it(`reports a file with ${what}`, async () => {
      const findings = await findingsOf(text);
      expect(findings).to.have.lengthOf(1);
      expect(findings[0]).to.match(expected);
    });
  }

  it('reports a file that is not there', async () => {
    const [finding] = await findingsOf({}, TEMPLATE.replace('detectors.json', 'none.json'));
    expect(finding).to.match(/^line 3, pipelinesFrom\.file: Cannot read .*none\.json: ENOENT/);
  });

  it('reports keys that no entry has, and wrong parts of the template', async () => {
    const yaml = TEMPLATE.replace('entry.detector_id', 'entry.detector_ip').replace('kind: psi', 'knid: psi');
    expect(await findingsOf({ JF01: entry(1) }, yaml)).to.deep.equal([
      'line 5, pipelinesFrom.backend.kind: is missing.',
      "line 5, pipelinesFrom.backend.knid: unknown key. Did you mean 'kind'?",
    ]);
    const reference = TEMPLATE.replace('entry.detector_id', 'entry.detector_ip');
    expect(await findingsOf({ JF01: entry(1) }, reference)).to.deep.equal([
      `line 4, pipelinesFrom.detector.options.index: '\${entry.detector_ip}': an entry has no key 'detector_ip'. Did you mean 'detector_id'?`,
    ]);
  });

  it('asks the adapters about each entry, and says each thing once', async () => {
    const asked: unknown[] = [];
    const checkOptions: LoadOptions['checkOptions'] = (role, kind, options) => {
      asked.push(options.index ?? role);
      return kind === 'sls' ? ['options.off is unknown'] : [];
    };
    expect(await findingsOf({ JF01: entry(1), JF02: entry(2) }, TEMPLATE, { checkOptions })).to.deep.equal([
      'line 4, pipelinesFrom.detector: options.off is unknown',
    ]);
    expect(asked).to.deep.equal([1, 'backend', 'writer', 2, 'backend', 'writer']);
  });

  it('is not accepted beside pipelines', async () => {
    const yaml = `${TEMPLATE}pipelines:\n  - { name: a, detector: { kind: a }, backend: { kind: b }, writer: { kind: c } }\n`;
    expect(await findingsOf({ JF01: entry(1) }, yaml)).to.deep.equal([
      "line 2, pipelinesFrom: give either 'pipelines' or this, not both.",
    ]);
  });
});
