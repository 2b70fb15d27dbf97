import { open, readdir, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How much is kept of a log. */
export interface LogBounds {
  readonly mostBytes: number;
  /** Older parts, `<path>.1` being the newest. */
  readonly olderParts: number;
}

/**
 * Moves what is in a log that has grown too long to `<path>.1`, and what was there one further. The log itself stays the
 * same file, as its program holds it open: it has to be open for appending. What is written in between may be lost, and of
 * a log that grew faster than it was looked at, only the end is kept.
 */
export async function rotateLog(path: string, { mostBytes, olderParts }: LogBounds): Promise<void> {
  const size = await stat(path).then(
    (facts) => facts.size,
    () => 0,
  );
  if (size <= mostBytes) return;
  for (let part = olderParts - 1; part >= 1; part -= 1) {
    await rename(`${path}.${part}`, `${path}.${part + 1}`).catch(() => undefined);
  }
  const log = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await log.read(Buffer.alloc(mostBytes), 0, mostBytes, size - mostBytes);
    await writeFile(`${path}.1`, buffer.subarray(0, bytesRead));
  } finally {
    await log.close();
  }
  await truncate(path, 0);
}

/** What is kept of each log of a service: 40 MiB. */
const SERVICE_LOG: LogBounds = { mostBytes: 10 * 1024 * 1024, olderParts: 3 };
const LOOK_EVERY_MS = 30_000;

/** Keeps all `*.log` in a folder short from now on; answers how to end it. */
export function keepLogsShort(folder: string, onFailure: (error: Error) => void): () => void {
  const look = async () => {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((one) => one.endsWith('.log'))) {
      await rotateLog(join(folder, name), SERVICE_LOG).catch(onFailure);
    }
  };
  void look();
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
