import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { DiaError } from '../../../src/contracts/errors.js';
import { ask, startTestServer } from '../../support/apiServer.js';

const failureOf = async (work: Promise<unknown>): Promise<DiaError> => {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof DiaError) return thrown;
    throw thrown;
  }
  throw new Error('It should have failed.');
};

describe('startServer', () => {
  it('listens on a free port when the port is 0 and says where', async () => {
    const server = await startTestServer({ port: 0 });
    expect(server.url).to.equal(`http://127.0.0.1:${server.port}`);
    expect((await ask(server, 'GET /api/v1/status')).body.state).to.equal('ok');
    await server.close();
  });

  it('says that another dia holds the port, and how to choose another', async () => {
    const first = await startTestServer();
    const error = await failureOf(startTestServer({ port: first.port }));
    expect(error.code).to.equal('already_running');
    expect(error.message).to.equal(`Port ${first.port} on 127.0.0.1 is already in use by another dia.`);
    expect(error.facts.hint).to.include('--port').and.include('DIA_PORT').and.include('ss -ltnp');
    await first.close();
  });

  it('says that another program holds the port when it does not speak this API', async () => {
    const other = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await failureOf(startTestServer({ port }));
    expect(error.code).to.equal('already_running');
    expect(error.message).to.match(/in use by another program/);
    other.close();
  });

  it('says that a host is not of this machine', async () => {
    const error = await failureOf(startTestServer({ host: '192.0.2.1' }));
    expect(error.code).to.equal('invalid_deployment');
    expect(error.message).to.match(/192\.0\.2\.1 is not an address of this machine/);
  });

  it('answers commands under way before it closes', async () => {
    const server = await startTestServer();
    let finish: () => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      server.fake.onExecute = () => {
        resolve();
        return new Promise((done) => {
          finish = () => done({});
        });
      };
    });
    const answer = ask(server, 'POST /api/v1/stop');
    await arrived;
    const closed = server.close();
    finish();
    expect((await answer).body.state).to.equal('ok');
    const began = performance.now();
    await closed;
    expect(performance.now() - began).to.be.lessThan(2_000);
  });
});
