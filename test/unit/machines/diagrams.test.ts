import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { renderDiagrams } from '../../../scripts/renderDiagrams.js';
import { STATES } from '../../support/acquisitionDriver.js';

describe('machines/README.md', () => {
  const read = () => readFile(new URL('../../../../machines/README.md', import.meta.url), 'utf8');

  it('shows the machines as they are (npm run diagrams)', async () => {
    const readme = await read();
    expect(renderDiagrams(readme)).to.equal(readme);
  });

  it('explains every state of the acquisition', async () => {
    const readme = await read();
    for (const state of STATES) expect(readme).to.include(`| \`${state}\``);
  });
});
