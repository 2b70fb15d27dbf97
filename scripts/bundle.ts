import { chmod, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { PROGRAM_FILES } from '../src/programFiles.js';
import { hdf5InTwoFiles } from './splitHdf5.js';

const modules = fileURLToPath(new URL('../src/', import.meta.url));
const bundle = fileURLToPath(new URL('../program/', import.meta.url));
const main = join(modules, 'main.js');

/**
 * The last step of `npm run build`: puts the modules of the programs, and those of the packages that they use, together into a
 * few files in `dist/program`. Reading five hundred files takes longer than anything else in a start.
 *
 * The programs keep their places below the folder, so that paths from one to the other hold, see `programFiles`.
 *
 * Without `keepNames`: it has every function that is made at run time given its name by a call, which was half of the processor
 * time of a request. A class whose name is told (`new.target.name`) keeps it all the same, unless two of one file share it.
 */
await rm(bundle, { recursive: true, force: true });
await build({
  entryPoints: [main, ...Object.values(PROGRAM_FILES)],
  outbase: modules,
  outdir: bundle,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // A native library.
  external: ['zeromq'],
  plugins: [hdf5InTwoFiles],
  // Packages that are no ECMAScript modules ask for Node's modules in this way.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});
await chmod(join(bundle, relative(modules, main)), 0o755);
