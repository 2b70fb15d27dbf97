import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';
import { requirePython } from '../support/pythonTools.js';

/** A component may refuse what the schema of the API allows; anything else beyond 500 is our fault. */
const SETTINGS = `
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "502", "504", "507"]
`;

describe('schemathesis, with what /openapi.json allows and what it does not', function () {
  this.timeout(90_000);
  let dia: TestIntegration;
  let program: string;
  before(async function () {
    program = join(dirname(requirePython(this)), 'schemathesis');
    dia = await boot();
    await writeFile(join(dia.folder, 'schemathesis.toml'), SETTINGS);
  });
  after(() => dia?.close());

  const run = async (...args: string[]): Promise<{ code: number | null; report: string }> => {
    const child = spawn(
      program,
      [
        '--config-file',
        'schemathesis.toml',
        'run',
        `${dia.url}/openapi.json`,
        '--phases=examples,coverage,fuzzing',
        // A config that fits the schema of the API may still break the rules of the deployment.
        '--exclude-checks=positive_data_acceptance',
        '--request-timeout=20',
        '--warnings=off',
        '--no-color',
        ...args,
      ],
      { cwd: dia.folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 },
    );
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, report: out + err };
  };

  it('finds no fault, and the integration takes an acquisition afterwards', async () => {
    // Events never end; a lease that it took would keep it from everything else.
    const { code, report } = await run(
      '--exclude-path=/api/v1/events',
      '--exclude-path=/api/v1/lease',
      '--max-examples=40',
    );
    expect(code, report).to.equal(0);
    expect(report).to.match(/Fuzzing/);
    await dia.client.reset();
    await dia.client.setClientsEnabled({ detector: true, backend: true, writer: true });
    await dia.client.clearClientConfiguration('main');
    await dia.client.setConfig(acquisition('after.h5', 5));
    await dia.client.start();
    await dia.client.waitForStatus('FINISHED');
  });

  it('finds no fault in leases', async () => {
    const { code, report } = await run('--include-path=/api/v1/lease', '--max-examples=100');
    expect(code, report).to.equal(0);
  });
});
