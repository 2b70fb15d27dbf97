import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Deployment } from './deployment.js';

/**
 * Programs that a deployment names and that cannot be run on this machine, as texts; empty when all can. Only programs
 * that run beside the controller: those of services, and those that an adapter starts.
 */
export async function missingPrograms(
  { services, pipelines, auxiliaryWriters }: Deployment,
  { env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<string[]> {
  const named = [
    ...services.map(({ command }, index) => ({ place: `services[${index}].command`, program: command?.[0] })),
    ...pipelines.flatMap((pipeline, index) =>
      (['detector', 'backend', 'writer'] as const).map((role) => ({
        place: `pipelines[${index}].${role}.options.command`,
        program: pipeline[role].options.command,
      })),
    ),
    ...auxiliaryWriters.map(({ options }, index) => ({
      place: `auxiliaryWriters[${index}].options.command`,
      program: options.command,
    })),
  ];
  const findings = await Promise.all(
    named.map(async ({ place, program }) => {
      // Names without a slash mean something to the adapter; only a service's is looked for in PATH.
      if (typeof program !== 'string' || (!program.includes('/') && !place.startsWith('services'))) return [];
      if (/\$\{/.test(program) || (await canRun(program, { env, cwd }))) return [];
      const where = program.includes('/') ? '' : ' in PATH';
      return [`${place}: expected a program that can be run, but there is none${where} named "${program}".`];
    }),
  );
  return findings.flat();
}

async function canRun(
  program: string,
  { env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<boolean> {
  const folders = program.includes('/') ? [''] : (env.PATH ?? '').split(delimiter);
  const candidates = folders.map((folder) =>
    isAbsolute(program) ? program : folder === '' ? resolve(cwd, program) : join(folder, program),
  );
  for (const candidate of candidates) {
    const isFile = await stat(candidate).then(
      (facts) => facts.isFile(),
      () => false,
    );
    if (!isFile) continue;
    const isOurs = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isOurs) return true;
  }
  return false;
}
