import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect } from 'chai';
import { HTTP_STATUS } from '../../../src/api/errorTable.js';
import { routes } from '../../../src/api/routes.js';
import {
  ComponentFailedError,
  ERROR_CODES,
  type ErrorCode,
  InvalidRequestError,
} from '../../../src/contracts/errors.js';
import { ask, startTestServer, type TestServer } from '../../support/apiServer.js';

describe('answers of the API', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(() => server.close());

  it('tell in the status why it is ERROR, the file, the transition and the progress', async () => {
    server.fake.report = {
      status: 'ERROR',
      notice: null,
      transition: 'resetting',
      error: new ComponentFailedError('frames_missing', '93 of 100 frames were written.', {
        component: 'writer',
        hint: 'Look at the network.',
      }),
      file: '/data/a.h5',
      progress: {
        writtenFrames: 93,
        receivedFrames: 94,
        lostFrames: 7,
        expectedFrames: 100,
        writtenBytes: 1234,
        frameRateHz: 12.5,
      },
    };
    const { body, httpStatus } = await ask(server, 'GET /api/v1/status');
    expect(httpStatus).to.equal(200);
    expect(body).to.deep.equal({
      state: 'ok',
      status: 'IntegrationStatus.ERROR',
      details: '93 of 100 frames were written.',
      error: {
        code: 'frames_missing',
        component: 'writer',
        operation: null,
        expected: null,
        actual: null,
        hint: 'Look at the network.',
      },
      file: '/data/a.h5',
      transition: 'resetting',
      progress: {
        written_frames: 93,
        received_frames: 94,
        lost_frames: 7,
        expected_frames: 100,
        written_bytes: 1234,
        frame_rate_hz: 12.5,
      },
    });
  });

  for (const code of ERROR_CODES) {
    it(`carry what an error ${code} tells, with HTTP ${HTTP_STATUS[code]}`, async () => {
      server.fake.onExecute = () => {
        throw new InvalidRequestError(code, 'What went wrong.', {
          component: 'backend',
          operation: 'open',
          expected: 'OPEN',
          actual: ['CLOSED', 1],
          hint: 'What to do.',
        });
      };
      const { body, httpStatus, headers } = await ask(server, 'POST /api/v1/start');
      expect(body).to.deep.equal({
        state: 'error',
        status: 'What went wrong.',
        error: {
          code,
          component: 'backend',
          operation: 'open',
          expected: 'OPEN',
          actual: ['CLOSED', 1],
          hint: 'What to do.',
          request_id: headers.get('x-request-id'),
        },
      });
      expect(httpStatus).to.equal(HTTP_STATUS[code]);
    });
  }

  it('show no stack of what we did not expect, and the log does', async () => {
    server.fake.onExecute = () => {
      throw new TypeError('x is not a function');
    };
    const { body, httpStatus } = await ask(server, 'POST /api/v1/kill', {
      headers: { 'X-Request-Id': 'night-7' },
    });
    expect(httpStatus).to.equal(500);
    expect(body.status).to.equal('Internal error: x is not a function');
    expect(body.error).to.include({ component: 'controller', operation: 'POST /api/v1/kill' });
    expect(JSON.stringify(body)).not.to.match(/\bat .*\.[jt]s/);
    const [line] = server.log;
    expect(line?.level).to.equal('error');
    expect(line?.fields).to.include({ requestId: 'night-7', code: 'internal' });
    expect(line?.fields.stack).to.match(/TypeError[\s\S]*\bat /);
  });

  it("keep the client's own request id when it is sane, and log every request with it", async () => {
    const own = await ask(server, 'GET /api/v1/status', { headers: { 'X-Request-Id': 'scan-42:a.b_c' } });
    expect(own.headers.get('x-request-id')).to.equal('scan-42:a.b_c');
    const odd = await ask(server, 'GET /api/v1/status', { headers: { 'X-Request-Id': 'a b' } });
    expect(odd.headers.get('x-request-id')).to.match(/^[0-9a-f]{8}-\d+$/);
    const missing = await ask(server, 'GET /nowhere');
    expect(server.log.map(({ level, fields }) => [level, fields.requestId, fields.httpStatus])).to.deep.equal(
      [
        ['access', 'scan-42:a.b_c', 200],
        ['access', odd.headers.get('x-request-id'), 200],
        ['warn', missing.headers.get('x-request-id'), 404],
      ],
    );
  });

  it('are logged apart when they only tell something, and never when they were commands, GET or not', async () => {
    const requests = [
      ...['GET /api/v1/config', 'GET /openapi.json', 'GET /api/v1/detector/value/frames'],
      ...['POST /api/v1/reset', 'GET /api/v1/reset', 'GET /api/v1/backend/open'],
    ];
    for (const request of requests) expect((await ask(server, request)).httpStatus, request).to.equal(200);
    expect(server.log.map(({ level, message }) => [level, message])).to.deep.equal(
      requests.map((request, index) => [index < 3 ? 'access' : 'info', request]),
    );
  });

  it('to a client that has gone away are noted as if it were there', async () => {
    let finish = () => {};
    const arrived = new Promise<void>((resolve) => {
      server.fake.onExecute = () => {
        resolve();
        return new Promise((done) => {
          finish = () => done({});
        });
      };
    });
    const client = connect(Number(new URL(server.url).port), '127.0.0.1');
    client.write('POST /api/v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    await arrived;
    client.resetAndDestroy();
    // What comes after it is answered, so the server has seen that it is gone.
    await ask(server, 'GET /api/v1/status');
    finish();
    await ask(server, 'GET /api/v1/status');
    const [noted] = server.log.filter(({ fields }) => fields.method === 'POST');
    expect(noted?.level).to.equal('info');
    expect(noted?.fields).to.include({ httpStatus: 200, clientGone: true });
  });

  it('name who asked to the controller', async () => {
    await ask(server, 'POST /api/v1/stop', { headers: { 'X-Request-Id': 'mine' } });
    expect(server.fake.executed[0]?.context).to.deep.equal({ requestId: 'mine', client: '127.0.0.1' });
  });

  it('to HEAD are those to GET without the body, and change nothing', async () => {
    const head = await ask(server, 'HEAD /api/v1/status');
    expect(head.httpStatus).to.equal(200);
    expect(Number(head.headers.get('content-length'))).to.be.greaterThan(10);
    for (const path of ['/api/v1/reset', '/api/v1/backend/open']) {
      const refused = await ask(server, `HEAD ${path}`);
      expect(refused.httpStatus, path).to.equal(405);
    }
    expect(server.fake.executed).to.deep.equal([]);
  });

  it('to OPTIONS name the methods', async () => {
    const fixed = await ask(server, 'OPTIONS /api/v1/config');
    expect(fixed.httpStatus).to.equal(204);
    expect(fixed.headers.get('allow')).to.equal('GET, HEAD, OPTIONS, POST, PUT');
    const withParameter = await ask(server, 'OPTIONS /api/v1/detector/value/x');
    expect(withParameter.headers.get('allow')).to.equal('GET, HEAD, OPTIONS');
  });

  it('need not be waited for: a command goes on when its client goes away', async () => {
    let arrived: () => void = () => {};
    let finish: () => void = () => {};
    const inCommand = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let completed = false;
    server.fake.onExecute = async () => {
      arrived();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      completed = true;
      return {};
    };
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /api/v1/stop HTTP/1.1\r\nHost: a\r\n\r\n');
    await inCommand;
    socket.destroy();
    await ask(server, 'GET /api/v1/status');
    finish();
    await ask(server, 'GET /api/v1/status');
    expect(completed).to.equal(true);
    expect(server.log.map(({ message }) => message)).to.include('POST /api/v1/stop');
  });

  it('at / are a page of our own that loads nothing from elsewhere', async () => {
    const answer = await fetch(server.url);
    const html = await answer.text();
    expect(answer.headers.get('content-type')).to.equal('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).to.include("default-src 'none'");
    expect(html)
      .to.include('<title>dia</title>')
      .and.include('/openapi.json')
      .and.include("EventSource('/api/v1/events')");
    expect(html).not.to.match(/(?:src|href)="(?:https?:)?\/\//);
  });
});

describe('docs/errors.md', () => {
  it('has a section for every code, with its HTTP status, and none for codes that do not exist', async () => {
    const text = await readFile('docs/errors.md', 'utf8');
    const sections = new Map(
      text
        .split(/^### /m)
        .slice(1)
        .map((section): [string, string] => [/^`(\w+)`/.exec(section)?.[1] ?? '', section]),
    );
    expect([...sections.keys()].sort()).to.deep.equal([...ERROR_CODES].sort());
    for (const code of ERROR_CODES satisfies readonly ErrorCode[]) {
      expect(sections.get(code), code).to.match(new RegExp(`^\`${code}\` · HTTP ${HTTP_STATUS[code]}\n`));
      expect(sections.get(code), code).to.include('**Do:**');
    }
  });
});

describe('docs/rest-api.md', () => {
  it('has every route of the table', async () => {
    const text = await readFile('docs/rest-api.md', 'utf8');
    for (const { method, path, aliases = [] } of routes) {
      for (const one of [path, ...aliases]) {
        if (one.startsWith('/api/')) expect(text, `${method} ${one}`).to.include(`\`${method} ${one}\``);
      }
    }
  });
});
