import { fileURLToPath } from 'node:url';

// All paths from this module to others are in this file: where modules are put together into larger files, these lie in a
// folder beside that of the modules, programs under the names that they have here.
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The programs and threads that are started by the path of their module, and never imported. */
export const PROGRAM_FILES = {
  'simulated-detector': file('./simulation/detector.js'),
  'simulated-backend': file('./simulation/backend.js'),
  writer: file('./writer/program.js'),
  lookups: file('./files/lookupProgram.js'),
  verifyWorker: file('./files/verifyWorker.js'),
  compressThread: file('./writer/compression/compressThread.js'),
} as const;

/** The manifest of this package. */
export const MANIFEST_FILE = file('../../package.json');

/** What compresses frames, as WebAssembly: made by the build. */
export const COMPRESSION_KERNEL = file('../kernels/bitshuffleLz4.wasm');

/** Folder where the build stores the validators that it made. */
export const STORED_VALIDATORS = file('../validators/');
