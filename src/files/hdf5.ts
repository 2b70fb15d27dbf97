/** The HDF5 library, loaded. */
export type Hdf5 = typeof import('h5wasm/node');

let loading: Promise<Hdf5> | undefined;

/**
 * Loads the HDF5 library, once per thread. It needs about 0.1 s of a core, so programs that want to answer
 * at once load it beside their other work.
 *
 * Every HDF5 error is thrown with the library's whole error stack. Without that, a frame that does not fit on the
 * disk goes unnoticed: the write succeeds into the chunk cache and only the closing of the dataset fails.
 */
export function loadHdf5(): Promise<Hdf5> {
  loading ??= import('h5wasm/node').then(async (hdf5) => {
    await hdf5.ready;
    hdf5.Module.activate_throwing_error_handler();
    return hdf5;
  });
  return loading;
}

/**
 * Says in one line why HDF5 failed: the operating system's words where there are some, else the first line of the
 * error stack.
 */
export function hdf5Cause(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const system = /error message = '([^']+)'/.exec(text)?.[1];
  if (system !== undefined) return system;
  // As Node says it: `ENOSPC: no space left on device, write`.
  const node = /^E[A-Z0-9]+: (.+?)(?:, \w+)?$/.exec(text)?.[1];
  if (node !== undefined) return node;
  const innermost = [...text.matchAll(/in \w+\(\): (.+)/g)].at(-1)?.[1];
  return innermost ?? text.split('\n')[0] ?? text;
}
