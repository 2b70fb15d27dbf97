import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Context } from 'mocha';

const run = promisify(execFile);

/** Mounts for a test; left out where this is not root, but in CI. */
export async function mount(context: Context, args: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0 && process.env.CI !== 'true') {
    process.stderr.write('      left out: mounting a small disk takes root\n');
    context.skip();
  }
  await run('mount', args);
}

export async function unmount(folder: string): Promise<void> {
  await run('umount', ['--lazy', folder]);
}
