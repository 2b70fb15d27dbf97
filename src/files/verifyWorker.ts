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
}

/** What the worker answers. */
export interface VerifyAnswer {
  readonly id: number;
  readonly facts: FileFacts | null;
  /** Why there are no facts, as a sentence and as the bare cause. */
  readonly failure: { readonly message: string; readonly actual: JsonValue } | null;
}

async function answer({ id, path }: VerifyRequest): Promise<VerifyAnswer> {
  try {
    if (path !== null) return { id, facts: await verifyFile(path), failure: null };
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
