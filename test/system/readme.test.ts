import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { verifyFile } from '../../src/files/verifyFile.js';
import { boot, type TestIntegration } from '../support/integration.js';
import { DIA } from '../support/programPath.js';
import { requirePython } from '../support/pythonTools.js';

const run = promisify(execFile);

const root = fileURLToPath(new URL('../../..', import.meta.url));
const ADDRESS = 'http://127.0.0.1:10000';

/** The fenced blocks of a page, by language, in order. */
async function blocks(page: string, language: string): Promise<string[]> {
  const text = await readFile(`${root}/${page}`, 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code ?? '');
}

for (const page of ['README.md', 'deployments/simulation/README.md']) {
  describe(`the snippets of ${page}`, function () {
    this.timeout(60_000);
    let dia: TestIntegration;
    before(async () => {
      dia = await boot({ settings: { paths: { roots: ['tmp'] } } });
    });
    after(() => dia?.close());
    beforeEach(() => dia.client.reset());

    /** The snippet as it stands, but for the server's address and the folder of its file. */
    const here = (snippet: string) =>
      snippet
        .replaceAll(ADDRESS, dia.url)
        .replaceAll('/tmp/', `${dia.folder}/`)
        .replaceAll('"period": 0.1', '"period": 0.01')
        .replaceAll('"exptime": 0.01', '"exptime": 0.005');

    it('take an acquisition with curl', async () => {
      const snippet = (await blocks(page, 'sh')).find((code) => code.includes('curl -X PUT'));
      expect(snippet, 'a block with curl lines').to.be.a('string');
      const { stdout } = await run('bash', ['-e', '-c', here(snippet ?? '')]);
      expect(stdout).to.include('"state":"ok"').and.not.include('"state":"error"');
      await dia.client.waitForStatus('FINISHED');
      expect((await verifyFile(`${dia.folder}/test.h5`)).framesWritten).to.equal(100);
    });

    it('take an acquisition with Python', async function () {
      const python = requirePython(this);
      const [snippet] = await blocks(page, 'python');
      await run(python, ['-c', here(snippet ?? '')]);
      expect(await dia.client.status()).to.include({ status: 'IntegrationStatus.FINISHED' });
    });
  });
}

describe('the commands of README.md', function () {
  this.timeout(60_000);

  it('take an acquisition with the command line', async () => {
    const dia = await boot({ settings: { paths: { roots: ['tmp'] } } });
    try {
      const snippet =
        (await blocks('README.md', 'sh')).find((code) => code.includes('npx dia acquire')) ?? '';
      const commands = snippet
        .trim()
        .split('\n')
        .map((line) => line.replaceAll('/tmp/', `${dia.folder}/`));
      for (const command of commands) {
        const args = command.replace(/^npx dia /, '').split(' ');
        const { stdout } = await run(process.execPath, [DIA, ...args], {
          env: { ...process.env, DIA_URL: dia.url },
        });
        expect(stdout).to.include('FINISHED');
      }
    } finally {
      await dia.close();
    }
  });

  it('name scripts that exist', async () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(
      await readFile(`${root}/package.json`, 'utf8'),
    );
    const named = (await blocks('README.md', 'sh'))
      .join('')
      .matchAll(/npm (?:run )?(demo|start|test|check)\b/g);
    const names = [...named].map(([, name]) => name ?? '');
    expect(names).to.include.members(['demo', 'test', 'check']);
    for (const name of names) expect(scripts).to.have.property(name);
  });
});
