import { readFile, writeFile } from 'node:fs/promises';
import { renderDiagrams } from './renderDiagrams.js';

/** `npm run diagrams`: draws the machines anew into machines/README.md. */
const readme = new URL('../../machines/README.md', import.meta.url);
await writeFile(readme, renderDiagrams(await readFile(readme, 'utf8')));
