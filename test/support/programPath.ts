import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const bundle = fileURLToPath(new URL('../../program/main.js', import.meta.url));
const compiled = fileURLToPath(new URL('../../.tsbuildinfo', import.meta.url));

function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * The program `dia`, as its users have it: put together by `npm run build`. After `tsc` alone that would be an old one, and the
 * modules themselves are taken.
 */
export const DIA = changedMs(bundle) >= changedMs(compiled) && changedMs(bundle) > 0 ? bundle : modules;
