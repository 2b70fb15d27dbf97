import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a process holds at one time. */
export interface ProcessFacts {
  readonly rssMiB: number;
  readonly handles: number;
  /** Those of the handles that are sockets. */
  readonly sockets: number;
  readonly threads: number;
}

/**
 * Looks into `/proc`.
 *
 * @throws when the process has ended.
 */
export async function processFacts(pid: number): Promise<ProcessFacts> {
  const [status, handles] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
  ]);
  const targets = await Promise.all(
    // Some are closed while we look.
    handles.map((handle) => readlink(`/proc/${pid}/fd/${handle}`).catch(() => '')),
  );
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    rssMiB: field('VmRSS') / 1024,
    handles: handles.length,
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    threads: field('Threads'),
  };
}

/** How many processes have this text in their environment: a server and all that it has launched. */
export async function processesWith(text: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
  );
  return environments.filter((environment) => environment.includes(text)).length;
}

/** Bytes of a file, or of all files below a folder; 0 when there is none. */
export async function bytesOf(path: string): Promise<number> {
  const facts = await stat(path).catch(() => null);
  if (facts === null) return 0;
  if (!facts.isDirectory()) return facts.size;
  const names = await readdir(path).catch(() => []);
  const sizes = await Promise.all(names.map((name) => bytesOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** How many files are below a folder. */
export async function filesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).length;
}
