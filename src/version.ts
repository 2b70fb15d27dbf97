import { readFileSync } from 'node:fs';
import { MANIFEST_FILE } from './programFiles.js';

/** Version of this package. */
export function packageVersion(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(MANIFEST_FILE, 'utf8'));
  return manifest.version;
}
