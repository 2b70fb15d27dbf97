import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('docs/how-to/add-a-detector.md', function () {
  this.timeout(120_000);
  let copy: string;
  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'dia-how-to-'));
    for (const part of ['src', 'machines', 'test/contract/detectorContract.ts', 'test/support/calls.ts']) {
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
    const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
    const built = join(copy, 'dist/test/contract/detectorAcme.test.js');
    const { stdout } = await run(process.execPath, [mocha, '--no-config', built]).catch(
      ({ stdout: failed }: { stdout: string }) => expect.fail(failed),
    );
    expect(stdout)
      .to.include('detector contract: acme')
      .and.to.match(/\d\d passing/);
  });
});
