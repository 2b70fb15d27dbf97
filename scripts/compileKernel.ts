import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { COMPRESSION_KERNEL } from '../src/programFiles.js';

const SOURCES = ['bitshuffleLz4.ts', 'asconfig.json'];

const changedMs = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const source = (name: string) => fileURLToPath(new URL(`../../wasm/${name}`, import.meta.url));

/** A step of `npm run build`: makes WebAssembly of `wasm/`, which takes seconds, if it has changed since. */
if (SOURCES.some((name) => changedMs(source(name)) >= changedMs(COMPRESSION_KERNEL))) {
  execFileSync('npm', ['run', '--silent', 'kernel'], { stdio: 'inherit' });
}
