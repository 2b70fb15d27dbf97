import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { checkAdapterOptions, optionsSchemas } from '../src/adapters/registry.js';
import { noBody, routes } from '../src/api/routes.js';
import { listDeployments } from '../src/config/findDeployment.js';
import { loadDeployment } from '../src/config/loadDeployment.js';
import type { Role } from '../src/contracts/component.js';
import { DiaError } from '../src/contracts/errors.js';
import { STORED_VALIDATORS } from '../src/programFiles.js';
import { type MadeValidator, SchemaCompiler } from '../src/schemas/schemaCompiler.js';
import { writeValidator } from './writeValidator.js';

/**
 * The last step of `npm run build`: stores the validators of the program's schemas and of the packaged deployments', so that
 * no start of the program has to compile them. What is stored already is left as it is.
 */
async function storeValidators(folder: string): Promise<void> {
  const stamp = join(folder, 'made-with');
  const { version } = createRequire(import.meta.url)('ajv/package.json') as { version: string };
  if ((await readFile(stamp, 'utf8').catch(() => '')) !== version) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  const made = new Map<string, MadeValidator>();
  SchemaCompiler.onMade = (validator) => made.set(validator.key, validator);
  await useEverySchema();
  for (const validator of made.values()) await writeValidator(folder, validator);
  await writeFile(stamp, version);
}

/** Whatever a schema is compiled for, once. What comes out of it does not matter. */
async function useEverySchema(): Promise<void> {
  for (const name of await listDeployments()) {
    const checkOptions = checkAdapterOptions;
    // Some lack their environment here, and say so.
    await loadDeployment(name, { env: {}, flags: {}, cwd: process.cwd(), checkOptions }).catch(refusal);
  }
  for (const [role, kinds] of Object.entries(optionsSchemas())) {
    for (const kind of Object.keys(kinds)) checkAdapterOptions(role as Role, kind, {});
  }
  for (const body of [noBody, ...routes.map((route) => route.body)]) {
    try {
      body?.parse({});
    } catch (error) {
      refusal(error);
    }
  }
}

function refusal(error: unknown): void {
  if (!(error instanceof DiaError)) throw error;
}

await storeValidators(STORED_VALIDATORS);
