import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { newToken } from '../../src/api/access/tokenBook.js';
import { DiaClient } from '../../src/client/client.js';
import { DiaError } from '../../src/contracts/errors.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';
import { type DiaOutcome, Processes } from '../support/processes.js';

describe('a deployment with tokens and TLS', function () {
  this.timeout(60_000);
  const operator = newToken();
  const processes = new Processes();
  let folder: string;
  let dia: TestIntegration;
  let ca: string;

  const access = () => ({
    tokens: [{ name: 'beamline', sha256: operator.sha256, role: 'operator' }],
    tls: { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
    allow: ['127.0.0.0/8'],
  });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-access-'));
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', ...kind, ...files, '-days', '2', ...subject], { stdio: 'pipe' });
    ca = await readFile(join(folder, 'cert.pem'), 'utf8');
    await writeFile(join(folder, 'token'), `${operator.token}\n`);
    dia = await boot({ settings: { access: access() } });
  });
  after(async () => {
    await processes.end();
    await dia?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (args: string[], env: Record<string, string> = {}): Promise<DiaOutcome> =>
    processes.run(args, { env: { DIA_URL: dia.url, DIA_CA: join(folder, 'cert.pem'), ...env } });

  it('takes an acquisition of a client that has both, over https', async () => {
    expect(dia.url).to.match(/^https:\/\/127\.0\.0\.1:\d+$/);
    const client = new DiaClient(dia.url, { token: operator.token, ca });
    await client.setConfig(acquisition('secure.h5', 5));
    await client.start();
    await client.waitForStatus('FINISHED');
    await client.reset();
  });

  it('lets the command line in with a token file or DIA_TOKEN', async () => {
    const byFile = await run([
      'acquire',
      '-n',
      '3',
      '--period',
      '0.01',
      '--token-file',
      join(folder, 'token'),
    ]);
    expect({ code: byFile.code, stderr: byFile.stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect((await run(['reset'], { DIA_TOKEN: operator.token })).code).to.equal(0);
  });

  it('tells who comes without a token what to do', async () => {
    const { code, stderr } = await run(['status']);
    expect(code).to.equal(2);
    expect(stderr).to.include('This server asks for a token.').and.include('--token-file');
    const watching = await run(['status', '--watch']);
    expect(watching.stderr).to.include('This server asks for a token.');
  });

  it('tells who does not trust the certificate how to', async () => {
    const { code, stderr } = await run(['status'], { DIA_CA: '', DIA_TOKEN: operator.token });
    expect(code).to.equal(3);
    expect(stderr).to.include('is not trusted').and.include('--ca');
  });

  it('shows the secrets in no log file and no answer', async () => {
    const client = new DiaClient(dia.url, { token: operator.token, ca });
    const { lease } = await client.takeLease({ owner: 'scan 42', seconds: 60 });
    await client.releaseLease();
    const state = join(dia.folder, 'data', '.dia');
    const logs = await Promise.all(
      ['dia.log', 'audit.log'].map((name) => readFile(join(state, name), 'utf8')),
    );
    const told = logs.join() + JSON.stringify([await client.serverInfo(), await client.config()]);
    for (const secret of [operator.token, operator.sha256, lease.id]) expect(told).not.to.include(secret);
    expect(logs[1]).to.include('beamline@127.0.0.1').and.include('lease.take');
  });

  it('does not start with a certificate that cannot be read or does not fit its key, and says which', async () => {
    const failure = (tls: object) =>
      boot({ settings: { access: { ...access(), tls } } }).then(
        () => expect.fail('should not have started'),
        (error: unknown) => (error instanceof DiaError ? error : expect.fail(String(error))),
      );
    const missing = await failure({ cert: 'nowhere.pem', key: 'nowhere.pem' });
    expect(missing.code).to.equal('invalid_deployment');
    expect(missing.message).to.match(/Cannot read access\.tls\.cert: ENOENT.*nowhere\.pem/);
    const swapped = await failure({ cert: join(folder, 'key.pem'), key: join(folder, 'key.pem') });
    expect(swapped.message).to.include('cannot be used');
  });

  it('takes the entry that `dia token` prints, and its token lets in', async () => {
    const { stdout } = await processes.run(['token', 'new panel', '--role', 'observer', '--json']);
    const { token, entry } = JSON.parse(stdout);
    expect(entry).to.include({ name: 'new panel', role: 'observer' });
    const other = await boot({ settings: { access: { tokens: [entry] } } });
    try {
      expect(await new DiaClient(other.url, { token }).ping()).to.equal(true);
      expect(await new DiaClient(other.url).ping()).to.equal(false);
    } finally {
      await other.close();
    }
  });

  it('starts with a warning that says what is open where nothing protects it', async () => {
    const data = await processes.folder();
    const server = processes.start([
      'serve',
      'simulation',
      '--port=0',
      '--host=0.0.0.0',
      '--data-dir',
      data,
      '--json',
    ]);
    await server.untilStdout((text) => text.includes('\n'));
    expect(server.stderr).to.include('The API is open: it listens on 0.0.0.0');
  });
});
