import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);
const PAGES = 'test/unit/adapters/adapterPages.test.ts';
const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('docs/how-to/add-a-detector.md', function () {
  this.timeout(120_000);
  let copy: string;
  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'dia-how-to-'));
    const parts = ['src', 'machines', 'docs/adapters', 'deployments/simulation'];
    const tests = ['test/contract/detectorContract.ts', 'test/support/calls.ts', PAGES];
    for (const part of [...parts, ...tests]) {
      await cp(join(root, part), join(copy, part), { recursive: true });
    }
    for (const part of ['tsconfig.json', 'package.json']) await cp(join(root, part), join(copy, part));
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  });
  after(() => rm(copy, { recursive: true, force: true }));

  it('leads from nothing to a detector that passes the contract', async () => {
    const page = await readFile(join(root, 'docs/how-to/add-a-detector.md'), 'utf8');
    const [adapter, importLine, registration, test] = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
      ([, code]) => code ?? '',
    );
    await writeFile(join(copy, 'src/adapters/detector/acmeDetector.ts'), adapter ?? '');
    await writeFile(join(copy, 'test/contract/detectorAcme.test.ts'), test ?? '');
    const registryFile = join(copy, 'src/adapters/registry.ts');
    const registry = await readFile(registryFile, 'utf8');
    const opening = 'const DETECTORS: Registrations<Detector> = {\n';
    expect(registry).to.include(opening);
    await writeFile(registryFile, `${importLine}${registry.replace(opening, `${opening}${registration}`)}`);

    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', copy]).catch(
      ({ stdout }: { stdout: string }) => expect.fail(stdout),
    );
    const [, adapterPage = ''] = /^````md\n([\s\S]*?)^````$/m.exec(page) ?? [];
    await writeFile(join(copy, 'docs/adapters/acme.md'), adapterPage);
    const [, row = ''] = /^```md\n(.*\n)```$/m.exec(page) ?? [];
    await appendFile(join(copy, 'docs/adapters/README.md'), row);
    const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
    const built = ['contract/detectorAcme.test.js', 'unit/adapters/adapterPages.test.js'];
    const paths = built.map((name) => join(copy, 'dist/test', name));
    const { stdout } = await run(process.execPath, [
      mocha,
      '--no-config',
      '--timeout',
      '20000',
      ...paths,
    ]).catch(({ stdout: failed }: { stdout: string }) => expect.fail(failed));
    expect(stdout)
      .to.include('detector contract: acme')
      .and.to.include('docs/adapters/acme.md')
      .and.to.match(/\d\d passing/);

    const outside = adapterPage === '' ? page : page.replace(adapterPage, '');
    const [, deployment = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(outside) ?? [];
    await mkdir(join(copy, 'acme'));
    await writeFile(join(copy, 'acme/deployment.yaml'), deployment);
    await cp(join(copy, 'deployments/simulation/config.schema.json'), join(copy, 'acme/config.schema.json'));
    const validate = [join(copy, 'dist/src/main.js'), 'validate', join(copy, 'acme')];
    const valid = await run(process.execPath, validate).catch(({ stderr }: { stderr: string }) =>
      expect.fail(stderr),
    );
    expect(valid.stdout + valid.stderr).to.include('valid: ');
  });
});
