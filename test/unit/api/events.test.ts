import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { FakeEvents, FakeIntegration } from '../../support/apiFake.js';
import { startTestServer, type TestServer } from '../../support/apiServer.js';

/** Reads a stream until a text has come, and answers all so far. */
class StreamReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  text = '';

  constructor(answer: Response) {
    if (answer.body === null) throw new Error('no body');
    this.#reader = answer.body.getReader();
  }

  async until(expected: string): Promise<string> {
    while (!this.text.includes(expected)) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`The stream ended before '${expected}': ${this.text}`);
      this.text += this.#decoder.decode(value, { stream: true });
    }
    return this.text;
  }

  async toEnd(): Promise<void> {
    while (!(await this.#reader.read()).done);
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

describe('event streams', () => {
  let server: TestServer;
  const sockets: Socket[] = [];

  const open = async (headers: Record<string, string> = {}, query = '') =>
    new StreamReader(await fetch(`${server.url}/api/v1/events${query}`, { headers }));

  const types = (text: string) => [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
  const ids = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);

  beforeEach(async () => {
    server = await startTestServer({ integration: new FakeIntegration(new FakeEvents({ memory: 5 })) });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  it('begin with a snapshot of the whole status, then tell what happens, in the names of the wire', async () => {
    server.fake.become({ status: 'CONFIGURED' });
    const stream = await open();
    await stream.until('event: snapshot');
    server.fake.become({ status: 'RUNNING', file: '/data/a.h5' });
    server.fake.events.add('component', { component: 'writer', status: 'writing' });
    server.fake.events.add('progress', { component: 'writer', writtenFrames: 5, frameRateHz: 10 });
    expect(await stream.until('frame_rate_hz":10}\n\n')).to.equal(
      [
        'retry: 1000\n',
        'id: life-1-1\nevent: snapshot\ndata: {"state":"ok","status":"IntegrationStatus.CONFIGURED"}\n',
        'id: life-1-2\nevent: state\ndata: {"time":"2025-01-02T03:04:05.678Z","status":"IntegrationStatus.RUNNING","transition":null,"file":"/data/a.h5"}\n',
        'id: life-1-3\nevent: component\ndata: {"time":"2025-01-02T03:04:05.678Z","component":"writer","status":"writing"}\n',
        'id: life-1-4\nevent: progress\ndata: {"time":"2025-01-02T03:04:05.678Z","component":"writer","written_frames":5,"frame_rate_hz":10}\n\n',
      ].join('\n'),
    );
    await stream.close();
  });

  it('are not cached, and name their type', async () => {
    const answer = await fetch(`${server.url}/api/v1/events`);
    expect(answer.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).to.equal('no-store');
    expect(answer.headers.has('x-request-id')).to.equal(true);
    await answer.body?.cancel();
  });

  for (const [place, headers, query] of [
    ['header', { 'Last-Event-ID': 'life-1-2' }, ''],
    ['query', {}, '?last_event_id=life-1-2'],
  ] as const) {
    it(`resume after the event that the ${place} names, without a snapshot`, async () => {
      for (let n = 1; n <= 4; n += 1) server.fake.events.add('progress', { n });
      const stream = await open(headers, query);
      await stream.until('"n":4');
      server.fake.events.add('progress', { n: 5 });
      const text = await stream.until('"n":5');
      expect(ids(text)).to.deep.equal(['life-1-3', 'life-1-4', 'life-1-5']);
      expect(types(text)).to.deep.equal(['progress', 'progress', 'progress']);
      await stream.close();
    });
  }

  for (const [title, lastEventId] of [
    ['is older than the memory', 'life-1-1'],
    ['is of another life of the controller', 'life-0-6'],
    ['has not happened yet', 'life-1-99'],
    ['is no id', 'yesterday'],
  ]) {
    it(`begin with a snapshot when the event to resume after ${title}`, async () => {
      for (let n = 1; n <= 8; n += 1) server.fake.events.add('progress', { n });
      const stream = await open({ 'Last-Event-ID': lastEventId ?? '' });
      await stream.until('event: snapshot\ndata: {"state":"ok"');
      server.fake.events.add('progress', { n: 9 });
      expect(ids(await stream.until('"n":9'))).to.deep.equal(['life-1-8', 'life-1-9']);
      await stream.close();
    });
  }

  it('end when the server closes, and keep nothing behind', async () => {
    const streams = await Promise.all([open(), open()]);
    await Promise.all(streams.map((stream) => stream.until('snapshot')));
    expect(server.fake.events.listeners).to.equal(1);
    const ended = Promise.all(streams.map((stream) => stream.toEnd()));
    await server.close();
    await ended;
    expect(server.fake.events.listeners).to.equal(0);
    server = await startTestServer();
  });

  it('are kept alive by comments', async () => {
    const quick = await startTestServer({ events: { heartbeatMs: 20 } });
    const stream = new StreamReader(await fetch(`${quick.url}/api/v1/events`));
    await stream.until(': heartbeat\n\n: heartbeat\n\n');
    await stream.close();
    await quick.close();
  });

  /** A client that asks for events and then reads nothing. */
  const openDeaf = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.write('GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    return socket;
  };

  /** More than the buffers of a connection on this machine hold. */
  const flood = (events: FakeEvents) => {
    const padding = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 20; n += 1) events.add('progress', { n, padding });
  };

  it('of a client that does not read hold little memory, and go on with a snapshot when it reads again', async () => {
    const socket = await openDeaf(server.port);
    flood(server.fake.events);
    const before = server.fake.events.lastId;
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text = (text + chunk).slice(-400);
    });
    socket.resume();
    while (!text.includes('event: snapshot')) await once(socket, 'data');
    expect(text).to.include(`id: life-1-${before}\nevent: snapshot`);
    server.fake.events.add('state', { after: true });
    while (!text.includes('"after":true')) await once(socket, 'data');
  });

  describe('when there are as many as may be', () => {
    let small: TestServer;
    beforeEach(async () => {
      small = await startTestServer({ integration: new FakeIntegration(), events: { mostStreams: 2 } });
    });
    afterEach(() => small.close());
    const follow = () => fetch(`${small.url}/api/v1/events`);

    it('are refused with 503, when to ask again, and what to do; a place that is free again is given', async () => {
      const [first, second] = [new StreamReader(await follow()), new StreamReader(await follow())];
      await Promise.all([first.until('snapshot'), second.until('snapshot')]);
      const refused = await follow();
      expect(refused.status).to.equal(503);
      expect(refused.headers.get('retry-after')).to.match(/^[1-9]\d*$/);
      const body = (await refused.json()) as { status: string; error: Record<string, unknown> };
      expect(body.status).to.include('2 clients follow the events already');
      expect(body.error).to.include({ code: 'too_many_streams', component: 'api', actual: 2 });
      expect(body.error.hint).to.include('http.eventStreams');
      await first.close();
      let answer = await follow();
      // The server learns a little later that the client has gone.
      for (
        const untilMs = performance.now() + 5_000;
        answer.status === 503 && performance.now() < untilMs;
      ) {
        await answer.text();
        answer = await follow();
      }
      expect(answer.status).to.equal(200);
      await answer.body?.cancel();
      await second.close();
    });

    it('take the place of one that does not read', async () => {
      const deaf = await openDeaf(small.port);
      flood(small.fake.events);
      const reading = new StreamReader(await follow());
      await reading.until('snapshot');
      const next = new StreamReader(await follow());
      await next.until('snapshot');
      // It is cut off, however much it had not read.
      deaf.resume();
      await once(deaf, 'close');
      await Promise.all([reading.close(), next.close()]);
    });
  });

  it('of a client that reads nothing for two heartbeats are cut off', async () => {
    const integration = new FakeIntegration();
    const quick = await startTestServer({ integration, events: { heartbeatMs: 20 } });
    await openDeaf(quick.port);
    flood(integration.events);
    const listening = () => integration.events.listeners > 0;
    const deadline = performance.now() + 5_000;
    while (listening() && performance.now() < deadline) await new Promise(setImmediate);
    expect(listening()).to.equal(false);
    await quick.close();
  });
});
