import { statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { DiaError } from '../contracts/errors.js';
import type { JsonValue } from '../contracts/json.js';
import { loadHdf5 } from './hdf5.js';
import { type FileFacts, verifyFile } from './verifyFile.js';

/** What the worker is asked. */
export interface VerifyRequest {
  readonly id: number;
  /** Null only loads the library. */
  readonly path: string | null;
  readonly isThorough: boolean;
}

/** What the worker answers. */
export interface VerifyAnswer {
  readonly id: number;
  readonly facts: FileFacts | null;
  /** Why there are no facts, as a sentence and as the bare cause. */
  readonly failure: { readonly message: string; readonly actual: JsonValue } | null;
}

/** The last file and what it looked like then: a writer process and the end of the run it was for both want it verified. */
let last: { readonly seen: string; readonly isThorough: boolean; readonly facts: FileFacts } | null = null;

async function verifyOnce(path: string, isThorough: boolean): Promise<FileFacts> {
  const seen = appearance(path);
  if (last !== null && last.seen === seen && (last.isThorough || !isThorough)) return last.facts;
  const facts = await verifyFile(path, { isThorough });
  // One that changed meanwhile is not finished.
  last = seen !== null && seen === appearance(path) ? { seen, isThorough, facts } : null;
  return facts;
}

/** Changes with every write to the file, and with another file in its place; null when there is none. */
function appearance(path: string): string | null {
  try {
    const found = statSync(path, { bigint: true });
    return [path, found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
  } catch {
    return null;
  }
}

async function answer({ id, path, isThorough }: VerifyRequest): Promise<VerifyAnswer> {
  try {
    if (path !== null) return { id, facts: await verifyOnce(path, isThorough), failure: null };
    await loadHdf5();
    return { id, facts: null, failure: null };
  } catch (error) {
    const actual = error instanceof DiaError ? (error.facts.actual ?? null) : null;
    return { id, facts: null, failure: { message: (error as Error).message, actual } };
  }
}

parentPort?.on('message', (request: VerifyRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});
