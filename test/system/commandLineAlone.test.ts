import { once } from 'node:events';
import { access, copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiaClient } from '../../src/client/client.js';
import { verifyFile } from '../../src/files/verifyFile.js';
import { type DiaProcess, isAlive, Processes } from '../support/processes.js';

describe('dia on its own', function () {
  this.timeout(60_000);

  const processes = new Processes();

  after(() => processes.end());

  const dia = (...args: string[]) => processes.run(args);

  describe('without a server', () => {
    const asking = [['status'], ['details'], ['config', 'get'], ['stop'], ['acquire'], ['status', '--watch']];

    for (const args of asking) {
      it(`ends ${args.join(' ')} with 3 and says how to start one`, async () => {
        const { code, stdout, stderr } = await dia(...args, '--url', await freeUrl());
        expect({ code, stdout }).to.deep.equal({ code: 3, stdout: '' });
        expect(stderr).to.contain('No dia server answers').and.contain('`dia serve`');
      });
    }

    it('prints one JSON document with --json', async () => {
      const { code, stdout } = await dia('status', '--json', '--url', await freeUrl());
      expect(code).to.equal(3);
      expect(JSON.parse(stdout)).to.have.nested.property('error.code', 'component_unreachable');
    });

    it('ends with 3 when something else answers there', async () => {
      const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const { code, stderr } = await dia('status', '--url', `http://127.0.0.1:${port}`);
      server.close();
      expect(code).to.equal(3);
      expect(stderr).to.contain('not a dia server');
    });
  });

  describe('with a command line that is wrong', () => {
    for (const [args, help] of [
      [['acquier'], 'Did you mean acquire?'],
      [['acquire', '--frame', '3'], 'Did you mean --frames?'],
      [['acquire', '-n', 'many'], 'It has to be a number.'],
      [['verify'], "missing required argument 'files'"],
      [['config', 'update', 'exptime=3'], 'section.field=value'],
      [['config', 'set', '/no/such/file'], 'Cannot read /no/such/file'],
      [[], 'Usage: dia'],
    ] as const) {
      it(`ends \`dia ${args.join(' ')}\` with 2 and says what is meant`, async () => {
        const { code, stdout, stderr } = await dia(...args);
        expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
        expect(stderr).to.contain(help.replace('section.field=value', 'writer.output_file=run2.h5'));
      });
    }
  });

  describe('validate', () => {
    it('passes the simulation and a config that fits', async () => {
      const { code, stderr } = await dia('validate', 'simulation');
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      const config = {
        writer: { output_file: 'a', n_frames: 1, user_id: 0 },
        backend: { bit_depth: 16, n_frames: 1 },
        detector: { period: 0.1, frames: 1, exptime: 0.1, dr: 16 },
      };
      const checked = await processes.run(['validate', 'simulation', '-', '--json'], {
        input: JSON.stringify(config),
      });
      expect(checked.code).to.equal(0);
      expect(JSON.parse(checked.stdout)).to.include({ valid: true });
    });

    it('reports everything that is wrong with a config, and ends with 2', async () => {
      const config = {
        writer: { output_file: 'a', n_frames: 1, user_id: 10 },
        backend: { bit_depth: 16, n_frames: 2 },
        detector: { period: 0.1, frames: 2, exptime: 0.1, dr: 32 },
      };
      const { code, stdout } = await processes.run(['validate', 'simulation', '-', '--json'], {
        input: JSON.stringify(config),
      });
      expect(code).to.equal(2);
      expect(JSON.parse(stdout)).to.deep.include({
        valid: false,
        findings: [
          'Provided user_id 10 outside of specified range [10000-29999].',
          "Invalid config. Backend 'bit_depth' set to '16', but detector 'dr' set to '32'. They must be equal.",
          "Invalid config. Backend 'n_frames' set to '2', but writer 'n_frames' set to '1'. They must be equal.",
        ],
      });
    });

    it('reports an output file outside the data roots', async () => {
      const input = JSON.stringify({
        writer: { output_file: '/etc/a.h5', n_frames: 1, user_id: 0 },
        backend: { bit_depth: 16, n_frames: 1 },
        detector: { period: 0.1, frames: 1, exptime: 0.1, dr: 16 },
      });
      const { code, stderr } = await processes.run(['validate', 'simulation', '-'], { input });
      expect(code).to.equal(2);
      expect(stderr).to.contain('/etc/a.h5');
      // With the folders where it may lie.
      expect(stderr).to.match(/Expected a file inside \/.*data or /);
    });

    it('reports everything that is wrong with a deployment, with lines', async () => {
      const file = join(await processes.folder(), 'deployment.yaml');
      await writeFile(file, 'name: x\nhttp:\n  prot: 1\n');
      const { code, stderr } = await dia('validate', file);
      expect(code).to.equal(2);
      expect(stderr).to.contain("line 3, http.prot: unknown key. Did you mean 'port'?");
    });
  });

  it('names the programs of a deployment that this machine cannot run', async () => {
    const folder = await processes.folder();
    const simulation = await readFile('deployments/simulation/deployment.yaml', 'utf8');
    await copyFile('deployments/simulation/config.schema.json', join(folder, 'config.schema.json'));
    const file = join(folder, 'deployment.yaml');
    await writeFile(
      file,
      `${simulation}  - { name: there, command: [node, x.js] }\n  - { name: gone, command: [nosuchprogram] }\n  - { name: text, command: [${file}] }\n`,
    );
    const { code, stderr } = await dia('validate', file);
    expect(code).to.equal(2);
    expect(stderr.trim().split('\n').slice(1)).to.deep.equal([
      '  services[4].command: expected a program that can be run, but there is none in PATH named "nosuchprogram".',
      `  services[5].command: expected a program that can be run, but there is none named "${file}".`,
    ]);
  });

  it('hands everything behind `writer` to the writer program', async () => {
    const { code, stdout } = await dia('writer', '--help');
    expect(code).to.equal(0);
    expect(stdout).to.contain('dia writer [options] <stream address>');
  });

  describe('serve', () => {
    it('prints nothing but its url, and on SIGTERM ends the run with its file closed, and its services', async () => {
      const { server, url, data } = await processes.serve();
      const services = await processes.services(data);
      expect(services).to.have.length(3);
      const client = new DiaClient(url);
      await client.setConfig({
        writer: { output_file: 'ended', n_frames: 1000, user_id: 0 },
        backend: { bit_depth: 16, n_frames: 1000 },
        detector: { period: 0.01, frames: 1000, exptime: 0.005, dr: 16 },
      });
      const { file } = await client.start();
      for await (const { data: event } of client.events()) if (Number(event.written_frames) > 10) break;
      server.signal('SIGTERM');
      const { code, stdout } = await server.ended;
      expect(code).to.equal(0);
      expect(JSON.parse(stdout)).to.deep.equal({ url });
      expect(services.filter(isAlive)).to.deep.equal([]);
      const facts = await verifyFile(file ?? '');
      expect(facts).to.include({ complete: false });
      expect(facts.framesWritten).to.be.within(10, 999);
      expect(facts.problems).to.deep.equal([]);
    });

    it('ends at once at a second signal, and leaves no service behind', async () => {
      const { server, data } = await processes.serve();
      const services = await processes.services(data);
      // A service that does not end keeps the server waiting.
      for (const pid of services) process.kill(pid, 'SIGSTOP');
      server.signal('SIGTERM');
      const sendAgain = setInterval(() => server.signal('SIGTERM'), 50);
      const { code, stderr } = await server.ended;
      clearInterval(sendAgain);
      expect(code).to.equal(130);
      expect(stderr).to.contain('ends at once');
      expect(services.filter(isAlive)).to.deep.equal([]);
    });

    it('says what is wrong and what to do when its port is taken', async () => {
      const holder = createTcpServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as AddressInfo;
      const data = await processes.folder();
      const { code, stdout, stderr } = await dia('serve', '--port', String(port), '--data-dir', data);
      holder.close();
      expect({ code, stdout }).to.deep.equal({ code: 4, stdout: '' });
      expect(stderr).to.contain(`Port ${port}`).and.contain('--port');
      expect(await processes.services(data)).to.deep.equal([]);
    });

    it('ends with 2 for a port that is none', async () => {
      const { code, stderr } = await dia('serve', '--port', 'http', '--data-dir', await processes.folder());
      expect(code).to.equal(2);
      expect(stderr).to.contain('--port');
    });
  });

  describe('acquire, when a component fails', () => {
    it('ends with 1, the cause and what to do; then goes on only with --reset', async () => {
      const { url, data } = await processes.serve();
      const { detector = 0 } = await processes.namedServices(data);
      const running = processes.start([
        'acquire',
        '-n',
        '2000',
        '--period',
        '0.02',
        '-o',
        'lost',
        '--url',
        url,
      ]);
      await running.untilStdout((text) => text.includes('RUNNING'));
      process.kill(detector, 'SIGSTOP');
      const { code, stderr } = await running.ended;
      process.kill(detector, 'SIGCONT');
      expect(code).to.equal(1);
      expect(stderr).to.contain('error: The acquisition ended in ERROR:').and.contain('detector');
      expect(stderr).to.match(/^hint: .+lost\.h5/m);
      expect(await verifyFile(join(data, 'lost.h5'))).to.include({ complete: false });

      const refused = await dia('acquire', '-n', '3', '--url', url);
      expect(refused.code).to.equal(4);
      expect(refused.stderr).to.contain('in ERROR:').and.contain('--reset');
      const taken = await dia('acquire', '-n', '3', '--period', '0.01', '--reset', '--url', url);
      expect(taken.code).to.equal(0);
      expect(taken.stdout).to.contain('Verified: 3 of 3 frames');
    });

    it('goes on to the end when a component is silent for a moment', async () => {
      const { url, data } = await processes.serve();
      const { detector = 0 } = await processes.namedServices(data);
      const running = processes.start([
        'acquire',
        '-n',
        '150',
        '--period',
        '0.02',
        '-o',
        'held',
        '--url',
        url,
      ]);
      await running.untilStdout((text) => text.includes('RUNNING'));
      process.kill(detector, 'SIGSTOP');
      await running.untilStderr((text) => text.includes('Waits whether it comes back.'));
      process.kill(detector, 'SIGCONT');
      const { code, stdout } = await running.ended;
      expect(code).to.equal(0);
      expect(stdout).to.contain('Verified: 150 of 150 frames');
    });

    /** An acquisition that goes on for the next 40 s. */
    async function longRun(url: string, file: string): Promise<DiaProcess> {
      const args = ['acquire', '-n', '2000', '--period', '0.02', '-o', file, '--url', url];
      const running = processes.start(args);
      await running.untilStdout((text) => text.includes('RUNNING'));
      return running;
    }

    it('says so with 3 when the server goes away', async () => {
      const { server, url } = await processes.serve();
      const running = await longRun(url, 'gone');
      server.signal('SIGKILL');
      const { code, stderr } = await running.ended;
      expect(code).to.equal(3);
      expect(stderr).to.contain('went away during the acquisition').and.contain('gone.h5');
    });

    it('says with 4 that the acquisition was stopped when the server is ended', async () => {
      const { server, url } = await processes.serve();
      const running = await longRun(url, 'ended');
      server.signal('SIGTERM');
      expect((await running.ended).code).to.equal(4);
    });
  });

  describe('demo', () => {
    it('takes 100 frames, says where the file is, and stops all that it started', async () => {
      const cwd = await processes.folder();
      const running = processes.start(['demo'], { cwd });
      await running.untilStdout((text) => text.includes('RUNNING'));
      const services = await processes.services(join(cwd, 'data'));
      const { code, stdout, stderr } = await running.ended;
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(services).to.have.length(3);
      expect(services.filter(isAlive)).to.deep.equal([]);
      const file = stdout.trim().split('\n').at(-1) ?? '';
      expect(file).to.equal(join(cwd, 'data', 'demo.h5'));
      expect(await verifyFile(file)).to.deep.include({
        complete: true,
        framesWritten: 100,
        shape: [512, 1024],
      });
      expect(await readFile(join(cwd, 'data', '.dia', 'dia.log'), 'utf8')).to.contain('FINISHED');
    });

    it('takes the next free name, and with --json prints only JSON', async () => {
      const data = await processes.folder();
      await writeFile(join(data, 'demo.h5'), '');
      const { code, stdout } = await dia('demo', '--data-dir', data, '--json');
      expect(code).to.equal(0);
      const lines = stdout.trim().split('\n');
      expect(lines.map((line) => JSON.parse(line)).at(-1)).to.include({ file: join(data, 'demo_001.h5') });
    });

    it('stops on Ctrl-C, and ends its services', async () => {
      const data = await processes.folder();
      const running = processes.start(['demo', '--data-dir', data]);
      await running.untilStdout((text) => text.includes('RUNNING'));
      const services = await processes.services(data);
      running.signal('SIGINT');
      expect((await running.ended).code).to.equal(130);
      expect(services.filter(isAlive)).to.deep.equal([]);
      await access(join(data, 'demo.h5'));
    });
  });
});

/** An address where nobody listens. */
async function freeUrl(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}
