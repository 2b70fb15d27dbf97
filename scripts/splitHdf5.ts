import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runInNewContext } from 'node:vm';
import type { Plugin } from 'esbuild';

// TypeScript only knows it in browsers.
const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } };

const BEFORE = "function findWasmBinary(){return binaryDecode('";
const AFTER = "')}function getBinarySync";
const BINARY = 'hdf5.wasm';
const NOTICE =
  '/*! h5wasm, made by NIST; changed: its WebAssembly lies in a file of its own. See LICENSE.txt of the package. */';

/** The HDF5 library in two parts. */
export interface SplitHdf5 {
  readonly script: string;
  readonly binary: Uint8Array;
}

/**
 * Takes the WebAssembly out of the script of h5wasm, where it is a text of 4 MB that takes longer to read and to decode than
 * to compile.
 *
 * @throws Error when the script is not as this knows it: a new version of h5wasm was built in another way.
 */
export function splitHdf5(script: string): SplitHdf5 {
  const [head, text, tail] = between(script);
  const characters: unknown = runInNewContext(`'${text}'`);
  if (typeof characters !== 'string') throw changed('its WebAssembly is no text');
  // Emscripten has 256 for 0, since some tools cut texts off there.
  const binary = Uint8Array.from(characters, (character) => character.charCodeAt(0) & 0xff);
  if (!WebAssembly.validate(binary)) throw changed('what it has for WebAssembly is none');
  const instead = 'function findWasmBinary(){return diaReadFile(new URL(diaBinary,import.meta.url))}';
  const imports = `import{readFileSync as diaReadFile}from'node:fs';import diaBinary from'./${BINARY}';`;
  return { script: `${NOTICE}\n${imports}${head}${instead}${tail}`, binary };
}

/** Puts the HDF5 library into a bundle in two parts; `file` is the loader of its WebAssembly. */
export const hdf5InTwoFiles: Plugin = {
  name: 'hdf5 in two files',
  setup(build) {
    let binary: Uint8Array | null = null;
    build.onLoad({ filter: /h5wasm[\\/]dist[\\/]node[\\/]hdf5_util\.js$/ }, async ({ path }) => {
      const split = splitHdf5(await readFile(path, 'utf8'));
      binary = split.binary;
      return { contents: split.script, loader: 'js', resolveDir: dirname(path) };
    });
    build.onResolve({ filter: /^\.\/hdf5\.wasm$/ }, () => ({ path: BINARY, namespace: 'hdf5' }));
    build.onLoad({ filter: /.*/, namespace: 'hdf5' }, () => ({ contents: binary ?? '', loader: 'file' }));
    build.onEnd(() => {
      if (binary === null) throw changed('it has no script hdf5_util.js');
    });
  },
};

function between(script: string): [head: string, text: string, tail: string] {
  const parts = script.split(BEFORE);
  const [head, rest] = parts;
  const end = rest?.indexOf(AFTER) ?? -1;
  if (head === undefined || rest === undefined || parts.length !== 2 || end < 0) {
    throw changed('its WebAssembly is not where it was');
  }
  return [head, rest.slice(0, end), rest.slice(end + "')}".length)];
}

function changed(what: string): Error {
  return new Error(`h5wasm has changed: ${what}. Look at scripts/splitHdf5.ts.`);
}
