import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { type DiaOutcome, Processes } from '../support/processes.js';

const CONFIG = {
  writer: { output_file: 'from_file.h5', n_frames: 4, user_id: 0 },
  backend: { bit_depth: 16, n_frames: 4 },
  detector: { period: 0.01, frames: 4, exptime: 0.005, dr: 16 },
};

describe('dia against a server that runs', function () {
  this.timeout(60_000);

  const processes = new Processes();
  let url = '';
  let data = '';
  let client: DiaClient;

  before(async () => {
    ({ url, data } = await processes.serve());
    client = new DiaClient(url);
  });

  beforeEach(() => client.reset());

  after(() => processes.end());

  const dia = (...args: string[]): Promise<DiaOutcome> => processes.run(args, { env: { DIA_URL: url } });

  describe('acquire', () => {
    it('takes all frames, verifies the file and prints it', async () => {
      const { code, stdout, stderr } = await dia('acquire', '-n', '10', '--period', '0.02', '-o', 'ten');
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      const file = stdout.trim().split('\n').at(-1) ?? '';
      expect(file).to.equal(join(data, 'ten.h5'));
      expect(stdout)
        .to.match(/^RUNNING$/m)
        .and.match(/^10\/10 frames, 100 %/m);
      expect(stdout).to.match(/^Verified: 10 of 10 frames, 512x1024 uint16, [\d.]+ MB, complete$/m);
      expect(await verifyFile(file)).to.include({ complete: true, framesWritten: 10 });
    });

    it('prints no colours and no bar where there is no terminal', async () => {
      const { stdout } = await dia('acquire', '-n', '5', '--period', '0.01', '-o', 'plain');
      for (const control of ['\x1b', '\r']) expect(stdout).not.to.contain(control);
    });

    it('takes the next acquisition after a finished one, into another file', async () => {
      const first = await dia('acquire', '-n', '2', '--period', '0.01', '-o', 'again', '--json');
      const second = await dia('acquire', '-n', '2', '--period', '0.01', '-o', 'again', '--json');
      expect(resultOf(first).file).to.equal(join(data, 'again.h5'));
      expect(resultOf(second).file).to.equal(join(data, 'again_001.h5'));
    });

    it('prints JSON lines with --json and nothing else: states, progress, at last the result', async () => {
      const outcome = await dia('acquire', '-n', '10', '--period', '0.02', '-o', 'json', '--json');
      expect(outcome.code).to.equal(0);
      const lines = jsonLines(outcome.stdout);
      const states = lines.filter(({ type }) => type === 'state').map(({ status }) => status);
      expect(states).to.include('IntegrationStatus.RUNNING');
      expect(states.at(-1)).to.equal('IntegrationStatus.FINISHED');
      expect(lines.some(({ type }) => type === 'progress')).to.equal(true);
      expect(lines.at(-1)).to.include({
        type: 'result',
        outcome: 'finished',
        verified: true,
        frames_written: 10,
      });
    });

    it('takes a config file, over which flags go', async () => {
      const file = join(data, 'config.json');
      await writeFile(file, JSON.stringify(CONFIG));
      const outcome = await dia('acquire', '--config', file, '--frames', '3', '--json');
      expect(resultOf(outcome)).to.include({ file: join(data, 'from_file.h5'), frames_written: 3 });
      expect((await client.config()).config.detector).to.deep.equal({ ...CONFIG.detector, frames: 3 });
    });

    it('ends with 2 and the findings when the config is not valid', async () => {
      const { code, stdout, stderr } = await dia('acquire', '--bit-depth', '12', '--user-id', '10');
      expect(code).to.equal(2);
      expect(stderr).to.contain('Provided user_id 10 outside of specified range [10000-29999].');
      expect(stdout).not.to.contain('RUNNING');
    });

    it('refuses with 4 while another acquisition runs, and leaves that one alone', async () => {
      const running = processes.start([
        'acquire',
        '-n',
        '500',
        '--period',
        '0.02',
        '-o',
        'busy',
        '--url',
        url,
      ]);
      await running.untilStdout((text) => text.includes('RUNNING'));
      const { code, stderr } = await dia('acquire', '-n', '3');
      expect(code).to.equal(4);
      expect(stderr).to.contain('the integration is RUNNING').and.contain('`dia stop`');
      expect((await client.status()).status).to.equal('IntegrationStatus.RUNNING');
    });

    it('says so with 4 when somebody else stops it', async () => {
      const running = processes.start([
        'acquire',
        '-n',
        '500',
        '--period',
        '0.02',
        '-o',
        'taken',
        '--url',
        url,
      ]);
      await running.untilStdout((text) => text.includes('RUNNING'));
      expect((await dia('stop')).code).to.equal(0);
      const { code, stderr } = await running.ended;
      expect(code).to.equal(4);
      expect(stderr).to.contain('ended by somebody else').and.contain(join(data, 'taken.h5'));
    });

    it('stops on Ctrl-C: a readable incomplete file, the server INITIALIZED, exit code 130', async () => {
      const running = processes.start([
        'acquire',
        '-n',
        '1000',
        '--period',
        '0.01',
        '-o',
        'cut',
        '--url',
        url,
        '--json',
      ]);
      await running.untilStdout((text) => lastWritten(text) > 20);
      running.signal('SIGINT');
      const outcome = await running.ended;
      expect(outcome.code).to.equal(130);
      const result = resultOf(outcome);
      expect(result).to.include({ outcome: 'stopped', complete: false, file: join(data, 'cut.h5') });
      const facts = await verifyFile(String(result.file));
      expect(facts.complete).to.equal(false);
      expect(facts.framesWritten).to.be.within(20, 999);
      expect((await client.status()).status).to.equal('IntegrationStatus.INITIALIZED');
    });

    it('stops on Ctrl-C before the first frame as well', async () => {
      const running = processes.start([
        'acquire',
        '-n',
        '10',
        '--exptime',
        '30',
        '-o',
        'early',
        '--url',
        url,
      ]);
      await running.untilStdout((text) => text.includes('CONFIGURING'));
      running.signal('SIGINT');
      expect((await running.ended).code).to.equal(130);
      expect((await client.status()).status).to.equal('IntegrationStatus.INITIALIZED');
    });

    it('goes on to the end when nobody reads what it prints', async () => {
      const running = processes.start([
        'acquire',
        '-n',
        '50',
        '--period',
        '0.02',
        '-o',
        'unread',
        '--url',
        url,
      ]);
      await running.untilStdout((text) => text.includes('RUNNING'));
      running.child.stdout?.destroy();
      expect((await running.ended).code).to.equal(0);
      expect(await verifyFile(join(data, 'unread.h5'))).to.include({ complete: true, framesWritten: 50 });
    });
  });

  describe('status', () => {
    it('prints the status, or with --json the answer of the server', async () => {
      expect((await dia('status')).stdout).to.match(/^INITIALIZED$/m);
      const { stdout, code } = await dia('status', '--json');
      expect(code).to.equal(0);
      expect(JSON.parse(stdout)).to.include({ state: 'ok', status: 'IntegrationStatus.INITIALIZED' });
    });

    it('says with --watch that the server has gone, and that it is back', async () => {
      const own = await processes.serve();
      const watching = processes.start(['status', '--watch', '--url', own.url]);
      await watching.untilStdout((text) => text.includes('INITIALIZED'));
      own.server.signal('SIGTERM');
      await own.server.ended;
      await watching.untilStderr((text) => text.includes('The server has gone.'));
      const again = ['--port', new URL(own.url).port, '--host', '127.0.0.1', '--data-dir', own.data];
      const server = processes.start(['serve', 'simulation', ...again, '--json']);
      await server.untilStdout((text) => text.includes('\n'));
      await watching.untilStderr((text) => text.includes('The server answers again.'));
      watching.signal('SIGINT');
      await watching.ended;
      server.signal('SIGTERM');
      await server.ended;
    });

    it('prints every change with --watch', async () => {
      const watching = processes.start(['status', '--watch', '--json', '--url', url]);
      await watching.untilStdout((text) => text.includes('\n'));
      await dia('acquire', '-n', '3', '--period', '0.01', '-o', 'watched');
      await watching.untilStdout((text) => text.includes('FINISHED'));
      const types = new Set(jsonLines(watching.stdout).map(({ type }) => type));
      expect([...types]).to.include.members(['snapshot', 'state', 'component', 'progress']);
      watching.signal('SIGINT');
      await watching.ended;
    });

    it('ends without a crash when its reader goes away', async () => {
      const watching = processes.start(['status', '--watch', '--url', url]);
      await watching.untilStdout((text) => text.includes('\n'));
      watching.child.stdout?.destroy();
      await dia('acquire', '-n', '3', '--period', '0.01', '-o', 'unwatched');
      const { code, stderr } = await watching.ended;
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    });
  });

  it("prints every component's own word with details", async () => {
    expect((await dia('details')).stdout)
      .to.match(/^writer +STOPPED$/m)
      .and.match(/^backend +INITIALIZED$/m);
    expect(JSON.parse((await dia('details', '--json')).stdout)).to.have.nested.property(
      'details.detector',
      'idle',
    );
  });

  describe('config', () => {
    it('sets what get printed', async () => {
      const path = join(data, 'set.json');
      await writeFile(path, JSON.stringify(CONFIG));
      const set = await dia('config', 'set', path, '--json');
      expect(JSON.parse(set.stdout)).to.deep.equal({
        state: 'ok',
        status: 'IntegrationStatus.CONFIGURED',
        config: CONFIG,
      });
      const got = await dia('config', 'get');
      expect(JSON.parse(got.stdout)).to.deep.equal(CONFIG);
      const again = await processes.run(['config', 'set', '-', '--url', url], { input: got.stdout });
      expect(again.code).to.equal(0);
    });

    it('updates single fields, and applies them again after a reset', async () => {
      await client.setConfig(CONFIG);
      const updated = await dia(
        'config',
        'update',
        'writer.output_file=other.h5',
        'detector.exptime=0.002',
        '--json',
      );
      expect(JSON.parse(updated.stdout).config).to.deep.equal({
        ...CONFIG,
        writer: { ...CONFIG.writer, output_file: 'other.h5' },
        detector: { ...CONFIG.detector, exptime: 0.002 },
      });
      await client.reset();
      const reapplied = await dia('config', 'reapply');
      expect(reapplied.code).to.equal(0);
      expect(reapplied.stdout)
        .to.match(/^CONFIGURED$/m)
        .and.contain('other.h5');
    });

    it('ends with 2 and one JSON document when the server refuses', async () => {
      const { code, stdout } = await dia('config', 'update', 'writr.n_frames=1', '--json');
      expect(code).to.equal(2);
      expect(JSON.parse(stdout)).to.have.nested.property('error.code', 'invalid_config');
    });
  });

  for (const command of ['stop', 'reset', 'kill']) {
    it(`brings the integration to INITIALIZED with ${command}`, async () => {
      await client.setConfig(CONFIG);
      expect(await dia(command)).to.deep.equal({ code: 0, stdout: 'INITIALIZED\n', stderr: '' });
      expect((await client.status()).status).to.equal('IntegrationStatus.INITIALIZED');
    });
  }

  describe('verify', () => {
    it('tells a good file, a truncated one and a missing one apart, and ends with 5', async () => {
      const file = resultOf(
        await dia('acquire', '-n', '4', '--period', '0.01', '-o', 'whole', '--json'),
      ).file;
      const good = await dia('verify', String(file));
      expect({ code: good.code, stderr: good.stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(good.stdout).to.contain('4 of 4 frames');

      const truncated = join(data, 'truncated.h5');
      const content = await readFile(String(file));
      await writeFile(truncated, content);
      await truncate(truncated, Math.floor(content.length / 2));
      const missing = join(data, 'missing.h5');
      const { code, stdout } = await dia('verify', truncated, missing, String(file), '--json');
      expect(code).to.equal(5);
      const { ok, files } = JSON.parse(stdout);
      expect(ok).to.equal(false);
      expect(files.map((one: { ok: boolean }) => one.ok)).to.deep.equal([false, false, true]);
      expect(files[1].problems[0]).to.contain(missing);
    });

    it('misses frames that were asked for', async () => {
      const file = resultOf(await dia('acquire', '-n', '2', '--period', '0.01', '-o', 'two', '--json')).file;
      const { code, stderr } = await dia('verify', String(file), '--frames', '3');
      expect(code).to.equal(5);
      expect(stderr).to.contain('2 of 3 frames');
    });
  });
});

function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function resultOf({ stdout, stderr }: DiaOutcome): Record<string, unknown> {
  const result = jsonLines(stdout).at(-1);
  if (result?.type !== 'result') throw new Error(`no result:\n${stdout}\n${stderr}`);
  return result;
}

function lastWritten(stdout: string): number {
  return Math.max(0, ...jsonLines(stdout).map(({ written_frames: written }) => Number(written ?? 0)));
}
