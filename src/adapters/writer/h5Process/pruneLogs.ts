import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const MOST_LOGS = 100;
const MOST_BYTES = 200 * 1024 * 1024;

/** Removes the oldest logs of a component's runs, so that at most 100 stay, and of those at most 200 MiB. Never throws. */
export async function pruneLogs(folder: string, component: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  // The time in the name makes their order.
  const logs = names
    .filter((name) => name.startsWith(`${component}_`) && /\.log(\.\d+)?$/.test(name))
    .toSorted();
  let bytes = 0;
  for (const [age, name] of logs.toReversed().entries()) {
    const path = join(folder, name);
    bytes += await stat(path).then(
      (facts) => facts.size,
      () => 0,
    );
    // Others may remove them, too.
    if (age >= MOST_LOGS || bytes > MOST_BYTES) await unlink(path).catch(() => undefined);
  }
}
