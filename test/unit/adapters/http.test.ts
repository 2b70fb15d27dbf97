import type { Socket } from 'node:net';
import { expect } from 'chai';
import { HttpClient, type HttpRequest } from '../../../src/adapters/transport/http.js';
import { ComponentFailedError, ComponentSilentError, NoSpaceError } from '../../../src/contracts/errors.js';
import { expectDiaError, thrownBy, until, within } from '../../support/calls.js';
import { answerText, MisbehavingServer } from '../../support/misbehavingServer.js';

const get: HttpRequest = { method: 'GET', path: '/state', operation: 'ask' };
const post: HttpRequest = { method: 'POST', path: '/open', operation: 'open', body: { a: 1 } };

describe('HTTP client', () => {
  let server: MisbehavingServer | null;
  let client: HttpClient | null;

  afterEach(async () => {
    await client?.close();
    await server?.close();
  });

  async function against(
    onRequest: (socket: Socket, requestNumber: number) => void,
    maxAnswerBytes?: number,
  ): Promise<HttpClient> {
    server = await MisbehavingServer.listen(onRequest);
    client = new HttpClient({
      component: 'backend',
      url: `${server.url}/v1`,
      ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
    });
    await client.connect();
    return client;
  }

  it('answers text and JSON, and puts the path behind that of the URL', async () => {
    const http = await against((socket) => socket.write(answerText(200, '{"a": 1}')));
    expect(await http.text(get, within())).to.equal('{"a": 1}');
    expect(await http.json(get, within())).to.deep.equal({ a: 1 });
    expect(server?.requests[0]).to.equal('GET /v1/state HTTP/1.1');
  });

  it('calls a refusing port unreachable', async () => {
    const http = await against(() => undefined);
    await server?.close();
    const error = await expectDiaError(
      http.text(get, within()),
      ComponentSilentError,
      'component_unreachable',
    );
    expect(error.facts).to.include({ component: 'backend', operation: 'ask', actual: 'ECONNREFUSED' });
  });

  it('calls an unknown host unreachable', async () => {
    client = new HttpClient({ component: 'backend', url: 'http://no-such-host.invalid:1' });
    await client.connect();
    await expectDiaError(client.text(get, within()), ComponentSilentError, 'component_unreachable');
  });

  for (const [what, start] of [
    ['says nothing', ''],
    ['stops in the head', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['stops in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'],
  ] as const) {
    it(`ends in time when the server ${what}`, async () => {
      const http = await against((socket) => socket.write(start));
      const beganMs = performance.now();
      const error = await expectDiaError(
        http.text(get, within(100)),
        ComponentSilentError,
        'component_timeout',
      );
      expect(performance.now() - beganMs).to.be.within(95, 1000);
      expect(error.message).to.contain('100 ms');
    });
  }

  it('ends in time when the answer only trickles', async () => {
    const http = await against((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    await expectDiaError(http.text(get, within(100)), ComponentSilentError, 'component_timeout');
  });

  it('throws the reason of the abort, and drops the connection', async () => {
    const http = await against(() => undefined);
    const abort = new AbortController();
    const call = thrownBy(http.text(post, { signal: abort.signal, timeoutMs: 60_000 }));
    await until(
      () => server?.requests.length,
      (count) => count === 1,
    );
    const reason = new Error('preempted');
    abort.abort(reason);
    expect(await call).to.equal(reason);
    await until(
      () => server?.openConnections,
      (count) => count === 0,
    );
  });

  it('sends nothing when aborted before', async () => {
    const http = await against((socket) => socket.write(answerText(200, '')));
    const reason = new Error('preempted');
    const call = http.text(post, { signal: AbortSignal.abort(reason), timeoutMs: 1000 });
    expect(await thrownBy(call)).to.equal(reason);
    expect(server?.requests).to.deep.equal([]);
  });

  it('leaves no listener on the signal of its caller', async () => {
    const http = await against((socket) => socket.write(answerText(200, 'ok')));
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    for (let call = 0; call < 20; call++) await http.text(get, { signal, timeoutMs: 1000 });
    expect(listeners).to.equal(0);
  });

  it('reports a status that is not 2xx with the beginning of the body', async () => {
    const http = await against((socket) => socket.write(answerText(500, `wrong state ${'x'.repeat(500)}`)));
    const error = await expectDiaError(http.text(post, within()), ComponentFailedError, 'component_failed');
    expect(error.facts.actual).to.match(/^HTTP 500: wrong state x+$/);
    expect(String(error.facts.actual)).to.have.lengthOf('HTTP 500: '.length + 200);
  });

  it('lets the caller explain a failure', async () => {
    const http = await against((socket) => socket.write(answerText(507, 'full')));
    const explain = (code: number, body: string) => new NoSpaceError('no_space', `${code} ${body}`);
    const error = await thrownBy(http.text({ ...post, explain }, within()));
    expect(error).to.be.instanceOf(NoSpaceError).and.have.property('message', '507 full');
  });

  for (const [what, answer] of [
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['broken chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  ] as const) {
    it(`calls ${what} a bad answer`, async () => {
      const http = await against((socket) => socket.write(answer));
      await expectDiaError(http.text(get, within()), ComponentFailedError, 'bad_answer');
    });
  }

  it('calls text where JSON is due a bad answer, and quotes it', async () => {
    const http = await against((socket) => socket.write(answerText(200, '<html>')));
    const error = await expectDiaError(http.json(get, within()), ComponentFailedError, 'bad_answer');
    expect(error.facts.actual).to.equal('<html>');
  });

  it('does not take an endless answer', async () => {
    const http = await against((socket) => socket.write(answerText(200, 'x'.repeat(2000))), 1000);
    await expectDiaError(http.text(get, within()), ComponentFailedError, 'bad_answer');
  });

  it('calls a connection that breaks in the body unreachable, and does not ask again', async () => {
    const http = await against((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'));
    await expectDiaError(http.text(get, within()), ComponentSilentError, 'component_unreachable');
    expect(server?.requests).to.have.lengthOf(1);
  });

  it('asks again when the server closed a kept connection', async () => {
    // Every connection is closed without a word at its second request, as a server does that timed it out.
    const served = new WeakSet<Socket>();
    const http = await against((socket) => {
      if (served.has(socket)) socket.destroy();
      else socket.write(answerText(200, 'ok'));
      served.add(socket);
    });
    for (let call = 0; call < 6; call++) expect(await http.text(get, within())).to.equal('ok');
  });

  it('asks at most twice', async () => {
    const http = await against((socket) => socket.destroy());
    await expectDiaError(http.text(get, within()), ComponentSilentError, 'component_unreachable');
    expect(server?.requests).to.have.lengthOf(2);
  });

  it('never sends a command twice, and only over new connections where no promise was given', async () => {
    const http = await against((socket, number) =>
      number === 3 ? socket.destroy() : socket.write(answerText(200, 'ok')),
    );
    await http.text(post, within());
    await http.text(post, within());
    expect(server?.connections).to.equal(2);
    await expectDiaError(http.text(post, within()), ComponentSilentError, 'component_unreachable');
    expect(server?.requests).to.have.lengthOf(3);
  });

  describe('with a server that promises to keep connections', () => {
    const kept = answerText(200, 'ok', 'keep-alive: timeout=60\r\n');

    it('sends commands over the connection of those before', async () => {
      const http = await against((socket) => socket.write(kept));
      await http.text(get, within());
      for (let call = 0; call < 3; call++) await http.text(post, within());
      expect(server?.connections).to.equal(1);
    });

    it('sends a command over a new one once the promise may be about to end', async () => {
      const http = await against((socket) => socket.write(kept));
      await http.text(post, within());
      const { now } = performance;
      // Node's own timers go by another clock.
      performance.now = () => now.call(performance) + 5_001;
      try {
        await http.text(post, within());
      } finally {
        performance.now = now;
      }
      expect(server?.connections).to.equal(2);
    });

    it('sends a command over a new one when the server means to close the old one', async () => {
      const closing = answerText(200, 'ok', 'connection: close\r\nkeep-alive: timeout=60\r\n');
      const http = await against((socket) => socket.write(closing));
      for (let call = 0; call < 2; call++) await http.text(post, within());
      expect(server?.connections).to.equal(2);
    });

    it('never sends a command twice, also when the promise was broken', async () => {
      const http = await against((socket, number) => (number === 2 ? socket.destroy() : socket.write(kept)));
      await http.text(post, within());
      await expectDiaError(http.text(post, within()), ComponentSilentError, 'component_unreachable');
      expect(server?.requests).to.have.lengthOf(2);
    });

    it('trusts none of its connections any more when one is lost', async () => {
      const http = await against((socket, number) => {
        // Two at once, so that there are two connections to keep.
        if (number === 1) return;
        if (number === 2) for (const one of server?.sockets ?? []) one.write(kept);
        else if (number === 3) socket.destroy();
        else socket.write(kept);
      });
      await Promise.all([http.text(get, within()), http.text(get, within())]);
      expect(await http.text(get, within())).to.equal('ok');
      expect(server?.connections).to.equal(3);
    });

    it('closes all connections when it is closed', async () => {
      const http = await against((socket) => socket.write(kept));
      await http.text(post, within());
      await http.close();
      await until(
        () => server?.openConnections,
        (count) => count === 0,
      );
    });
  });

  it('keeps connections between questions', async () => {
    const http = await against((socket) => socket.write(answerText(200, 'ok')));
    for (let call = 0; call < 10; call++) await http.text(get, within());
    expect(server?.connections).to.be.at.most(4);
  });
});
