import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const packagesIn = async (name: string) => {
  const path = fileURLToPath(new URL(`../../../../test/${name}`, import.meta.url));
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.replace(/#.*/, '').trim());
  return lines.filter((line) => line !== '');
};

describe('Python packages of the tests', () => {
  it('are pinned, each with all that it needs, so that a test fails for our changes only', async () => {
    const [wanted, all] = await Promise.all([packagesIn('requirements.txt'), packagesIn('constraints.txt')]);
    for (const line of [...wanted, ...all]) expect(line).to.match(/^[\w.-]+==[\w.]+$/);
    expect(all).to.include.members(wanted);
  });
});
