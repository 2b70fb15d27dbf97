import { parseArgs } from 'node:util';

/** Writes a line to the log of a simulation program, which is its stderr. */
export function logTo(name: string): (line: string) => void {
  return (line) => process.stderr.write(`${new Date().toISOString()} ${name}: ${line}\n`);
}

/**
 * Reads `--name value` options; those not given have their default, null means it must be given.
 *
 * @throws Error with one line for a person when an option is unknown, lacks its value or is missing.
 */
export function readOptions<Name extends string>(
  argv: readonly string[],
  defaults: Record<Name, string | null>,
): Record<Name, string> {
  const names = Object.keys(defaults);
  const { values } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  });
  const given = { ...defaults, ...values };
  const missing = names.filter(
    (name) => !Object.entries(given).some(([key, value]) => key === name && value !== null),
  );
  if (missing.length > 0) throw new Error(`missing ${missing.map((name) => `--${name}`).join(', ')}`);
  return given as Record<Name, string>;
}

/** @throws Error when the text is no port number. */
export function portNumber(name: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Error(`--${name} must be a port number from 0 to 65535, not ${JSON.stringify(text)}`);
}

/** A ZeroMQ endpoint to bind; port 0 lets the system choose. */
export function tcpEndpoint(host: string, port: number): string {
  return `tcp://${host}:${port === 0 ? '*' : port}`;
}

/** The reason for which a program ends, settled from elsewhere; the first one counts. */
export function deferred(): { promise: Promise<string>; resolve: (reason: string) => void } {
  let resolve: (reason: string) => void = () => {};
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Runs a program: ends with the code it answers, or with 2 and one line when it could not start. */
export async function runProgram(name: string, main: (argv: string[]) => Promise<number>): Promise<void> {
  let code: number;
  try {
    code = await main(process.argv.slice(2));
  } catch (error) {
    logTo(name)(error instanceof Error ? error.message : String(error));
    code = 2;
  }
  process.exit(code);
}
