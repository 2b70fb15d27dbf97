import { open } from 'node:fs/promises';
import { request } from 'undici';
import {
  ComponentFailedError,
  ComponentSilentError,
  DiaError,
  NoSpaceError,
} from '../../contracts/errors.js';

/** A file to be fetched. */
export interface Download {
  /** Name of the component in errors. */
  readonly component: string;
  readonly url: string;
  /** Absolute. */
  readonly path: string;
  /** False: the file has to be new. True: it was reserved and is empty. */
  readonly isReserved: boolean;
  readonly signal: AbortSignal;
  /** Nothing for so long ends it. */
  readonly stallTimeoutMs: number;
  /** The file exists from now on. */
  readonly onOpen: () => void;
  readonly onBytes: (count: number) => void;
}

/**
 * Fetches a file over HTTP as a stream, never in memory as a whole, and never over a file that exists.
 *
 * @throws ComponentFailedError when the answer is not 200 or is cut off, or the disk refuses; NoSpaceError;
 * ComponentSilentError when it stalls; the signal's reason.
 */
export async function download(file: Download): Promise<void> {
  const { url, path, signal, stallTimeoutMs } = file;
  try {
    const timeouts = { headersTimeout: stallTimeoutMs, bodyTimeout: stallTimeoutMs };
    const answer = await request(url, { signal, ...timeouts });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw failed(file, `HTTP ${answer.statusCode}`, null);
    }
    const target = await open(path, file.isReserved ? 'r+' : 'wx');
    file.onOpen();
    let sizeBytes = 0;
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        await target.write(chunk);
        sizeBytes += chunk.byteLength;
        file.onBytes(chunk.byteLength);
      }
      await target.sync();
    } finally {
      await target.close();
    }
    const announced = Number(answer.headers['content-length'] ?? sizeBytes);
    if (sizeBytes !== announced) throw failed(file, `${sizeBytes} of ${announced} bytes`, null);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof DiaError ? error : translate(file, error);
  }
}

function translate(file: Download, error: unknown): DiaError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const facts = { component: file.component, operation: `fetch ${file.url}`, actual: code, cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NoSpaceError('no_space', `There is no space left for ${file.path} (${code}).`, {
      ...facts,
      expected: 'room for the file',
      hint: 'Make room; the file is still on the detector.',
    });
  }
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new ComponentSilentError(
      'component_timeout',
      `${file.url} stalled for ${file.stallTimeoutMs} ms.`,
      { ...facts, expected: 'a file', hint: 'Check the network to the control unit, and its load.' },
    );
  }
  return failed(file, code, error);
}

function failed({ component, url, path }: Download, actual: string, cause: unknown): ComponentFailedError {
  return new ComponentFailedError('component_failed', `${component} could not fetch ${url}: ${actual}.`, {
    component,
    operation: `fetch ${url}`,
    expected: `the whole file in ${path}, which did not exist before`,
    actual,
    hint: 'The file is still on the detector; fetch it by hand when this goes on.',
    ...(cause === null ? {} : { cause }),
  });
}
