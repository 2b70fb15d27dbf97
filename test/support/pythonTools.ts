import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';

const PYTHON = fileURLToPath(new URL('../../../.venv-test/bin/python', import.meta.url));

/** The Python of the test environment (scripts/installTestTools.sh); null where it was not installed. */
export function python(): string | null {
  return existsSync(PYTHON) ? PYTHON : null;
}

/**
 * The Python of the test environment, for a test that cannot do without: the test is left out, saying why, on a machine
 * that lacks it, and fails in CI.
 */
export function requirePython(context: Context): string {
  const found = python();
  if (found !== null) return found;
  const reason = 'the Python test environment is missing: run scripts/installTestTools.sh';
  if (process.env.CI === 'true') throw new Error(reason);
  process.stderr.write(`      left out, ${reason}\n`);
  return context.skip();
}
