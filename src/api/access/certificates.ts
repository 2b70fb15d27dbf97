import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { AccessSettings } from '../../config/accessSettings.js';
import { InvalidRequestError } from '../../contracts/errors.js';

/** What https is served with, in PEM. */
export interface Certificates {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the certificate and the key of a deployment; null when it has none.
 *
 * @param folder - Where relative paths start.
 * @throws InvalidRequestError `invalid_deployment` naming the file that cannot be read or used.
 */
export async function readCertificates(
  { tls }: AccessSettings,
  folder: string,
): Promise<Certificates | null> {
  if (tls === undefined) return null;
  const cert = await read('cert', resolve(folder, tls.cert));
  const key = await read('key', resolve(folder, tls.key));
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw unusable(`The certificate and the key cannot be used: ${reasonOf(cause)}.`, {
      operation: 'access.tls',
      actual: `${tls.cert} and ${tls.key}`,
      cause,
    });
  }
  return { cert, key };
}

async function read(name: 'cert' | 'key', file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw unusable(`Cannot read access.tls.${name}: ${reasonOf(cause)}.`, {
      operation: `access.tls.${name}`,
      actual: file,
      cause,
    });
  }
}

function unusable(
  message: string,
  facts: { operation: string; actual: string; cause: unknown },
): InvalidRequestError {
  return new InvalidRequestError('invalid_deployment', message, {
    component: 'api',
    expected: 'a PEM certificate and its private key, readable by this user',
    hint: 'Paths are relative to the deployment file. docs/how-to/secure-a-deployment.md shows how to make a pair.',
    ...facts,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
