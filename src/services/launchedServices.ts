import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from './processIdentity.js';

/** A service that was launched: its process, and the command line that an orphan must have to be taken over. */
export interface LaunchedService extends ProcessIdentity {
  readonly command: readonly string[];
}

type ByName = Readonly<Record<string, LaunchedService>>;

/**
 * The note on disk about the services that run, from which the next controller knows those that outlived the one before
 * it. It stays behind when the machine, or the container, ends without warning: a pid in it may be anybody's by then, so
 * it is worth nothing without the start time.
 */
export class LaunchedServices {
  readonly #path: string;
  /** The process ids by name, for people and scripts; nothing here reads it. */
  readonly #pidPath: string;
  #written: Promise<unknown> = Promise.resolve();

  constructor(stateFolder: string) {
    this.#path = join(stateFolder, 'services.processes.json');
    this.#pidPath = join(stateFolder, 'services.json');
  }

  /** Empty when there is no note, or none that can be understood: then the services are started anew. */
  async read(): Promise<ByName> {
    try {
      const note = JSON.parse(await readFile(this.#path, 'utf8')) as Record<string, unknown>;
      const entries = Object.entries(note).filter((entry): entry is [string, LaunchedService] =>
        isLaunchedService(entry[1]),
      );
      return Object.fromEntries(entries);
    } catch {
      return {};
    }
  }

  /** One after the other, the newest last, and each of them whole or not at all. */
  write(collect: () => Promise<ByName>): Promise<void> {
    const written = this.#written.then(async () => {
      const services = await collect();
      const pids = Object.fromEntries(Object.entries(services).map(([name, { pid }]) => [name, pid]));
      await replaceFile(this.#path, services);
      await replaceFile(this.#pidPath, pids);
    });
    this.#written = written.catch(() => undefined);
    return written;
  }

  async remove(): Promise<void> {
    await this.#written;
    for (const path of [this.#pidPath, this.#path]) await rm(path, { force: true });
  }
}

async function replaceFile(path: string, content: object): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(content));
  await rename(`${path}.new`, path);
}

function isLaunchedService(value: unknown): value is LaunchedService {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks, bootId, command } = value as Partial<Record<keyof LaunchedService, unknown>>;
  return (
    Number.isInteger(pid) &&
    Number.isInteger(startTicks) &&
    typeof bootId === 'string' &&
    Array.isArray(command)
  );
}
