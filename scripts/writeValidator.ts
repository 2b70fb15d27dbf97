import { rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Ajv2020, ValidateFunction } from 'ajv/dist/2020.js';
import type { MadeValidator } from '../src/schemas/schemaCompiler.js';

type StandaloneCode = (ajv: Ajv2020, validate: ValidateFunction) => string;

/** Stores a validator as a module of its own, where a `SchemaCompiler` with this folder finds it. */
export async function writeValidator(folder: string, { key, ajv, validate }: MadeValidator): Promise<void> {
  const standaloneCode = createRequire(import.meta.url)('ajv/dist/standalone') as StandaloneCode;
  const file = join(folder, `${key}.cjs`);
  // A program that starts at this moment finds it whole, or not at all.
  await writeFile(`${file}.new`, standaloneCode(ajv, validate));
  await rename(`${file}.new`, file);
}
