import { request } from 'node:http';
import { expect } from 'chai';
import { newToken } from '../../../src/api/access/tokenBook.js';
import type { AccessSettings } from '../../../src/config/accessSettings.js';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import { ask, startTestServer, type TestServer } from '../../support/apiServer.js';

const operator = newToken();
const observer = newToken();
const TOKENS: AccessSettings['tokens'] = [
  { name: 'beamline', sha256: operator.sha256, role: 'operator' },
  { name: 'visitor', sha256: observer.sha256, role: 'observer' },
];
const OPEN: AccessSettings = { tokens: [], allow: [], origins: [] };
const bearer = ({ token }: { token: string }) => ({ Authorization: `Bearer ${token}` });

describe('access', () => {
  let server: TestServer;
  const open = async (access: Partial<AccessSettings>, options: { legacyStatusCodes?: boolean } = {}) => {
    server = await startTestServer({ access: { ...OPEN, ...access }, ...options });
  };
  afterEach(() => server.close());

  /** The status of a request with headers that `fetch` does not let anybody set. */
  const statusOf = (method: string, path: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: server.port, method, path, headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  describe('with tokens', () => {
    beforeEach(() => open({ tokens: TOKENS }));

    for (const path of ['/api/v1/status', '/api/v1/events', '/openapi.json', '/', '/nowhere']) {
      it(`answers 401 to ${path} without a token, and says how to give one`, async () => {
        const { httpStatus, body, headers } = await ask(server, `GET ${path}`);
        expect(httpStatus).to.equal(401);
        expect(body.error).to.include({ code: 'unauthorized', actual: 'no token' });
        expect(body.error?.hint).to.include('--token-file');
        expect(headers.get('www-authenticate')).to.equal(
          'Bearer realm="dia", Basic realm="dia", charset="UTF-8"',
        );
      });
    }

    for (const authorization of [
      'Bearer wrong',
      'Bearer',
      `Bearer ${operator.sha256}`,
      `Digest ${operator.token}`,
      `Basic ${operator.token}`,
      `Bearer ${operator.token}x`,
    ]) {
      it(`answers 401 to ${authorization.replace(operator.token, '<token>').slice(0, 20)}, and executes nothing`, async () => {
        const answer = await ask(server, 'POST /api/v1/stop', { headers: { Authorization: authorization } });
        expect(answer.httpStatus).to.equal(401);
        expect(answer.body.error?.actual).to.equal('another token');
        expect(server.fake.executed).to.deep.equal([]);
      });
    }

    it('lets an operator command, by the name of the token', async () => {
      const answer = await ask(server, 'POST /api/v1/stop', { headers: bearer(operator) });
      expect(answer.httpStatus).to.equal(200);
      expect(server.fake.executed[0]?.context.client).to.equal('beamline@127.0.0.1');
    });

    it('takes the token as the password of a browser', async () => {
      const password = Buffer.from(`anybody:${operator.token}`).toString('base64');
      const { httpStatus } = await ask(server, 'GET /api/v1/status', {
        headers: { Authorization: `Basic ${password}` },
      });
      expect(httpStatus).to.equal(200);
    });

    it('lets an observer read, and send no command of any kind', async () => {
      const headers = bearer(observer);
      for (const path of ['status', 'config', 'info', 'metrics', 'lease']) {
        expect((await ask(server, `GET /api/v1/${path}`, { headers })).httpStatus, path).to.equal(200);
      }
      expect((await ask(server, 'POST /api/v1/daq_test', { headers, json: {} })).httpStatus).to.equal(200);
      for (const command of [
        'POST /api/v1/start',
        'POST /api/v1/kill',
        'GET /api/v1/reset',
        'DELETE /api/v1/lease',
      ]) {
        const { httpStatus, body } = await ask(server, command, { headers });
        expect(httpStatus, command).to.equal(403);
        expect(body.error).to.include({ code: 'forbidden', actual: 'observer' });
      }
      expect(server.fake.executed).to.deep.equal([]);
    });

    it('shows no token, right or wrong, in any log line or answer', async () => {
      const answers = [
        await ask(server, 'GET /api/v1/info', { headers: bearer(operator) }),
        await ask(server, 'GET /api/v1/config', { headers: bearer(operator) }),
        await ask(server, 'POST /api/v1/stop', { headers: bearer(observer) }),
        await ask(server, 'POST /api/v1/stop', { headers: { Authorization: 'Bearer almost-right' } }),
      ];
      const told = JSON.stringify([answers.map(({ body }) => body), server.log]);
      for (const secret of [operator.token, operator.sha256, observer.token, 'almost-right']) {
        expect(told).not.to.include(secret);
      }
    });
  });

  it('keeps the status of refusals where errors are otherwise answered with 200', async () => {
    await open({ tokens: TOKENS }, { legacyStatusCodes: true });
    expect((await ask(server, 'GET /api/v1/status')).httpStatus).to.equal(401);
  });

  it('refuses addresses that are not allowed, whatever they ask for', async () => {
    await open({ allow: ['10.0.0.0/8', 'fd00::/8'], tokens: TOKENS });
    for (const asked of ['GET /api/v1/status', 'OPTIONS /api/v1/stop', 'GET /']) {
      const { httpStatus, body } = await ask(server, asked, { headers: bearer(operator) });
      expect(httpStatus, asked).to.equal(403);
      expect(body.status).to.equal('Clients at 127.0.0.1 may not use this server.');
    }
  });

  it('lets allowed addresses in', async () => {
    await open({ allow: ['10.0.0.0/8', '127.0.0.0/8'] });
    expect((await ask(server, 'GET /api/v1/status')).httpStatus).to.equal(200);
  });

  describe('for browsers', () => {
    beforeEach(() => open({ origins: ['https://panel.example.org'] }));

    const refused: [title: string, method: string, path: string, headers: Record<string, string>][] = [
      ['a page of another site', 'POST', '/api/v1/start', { Origin: 'https://evil.example' }],
      ['a page without an origin', 'POST', '/api/v1/start', { Origin: 'null' }],
      ['an image of another site', 'GET', '/api/v1/reset', { 'Sec-Fetch-Site': 'cross-site' }],
      ['an image over plain http', 'GET', '/api/v1/reset', { 'User-Agent': 'Mozilla/5.0 (X11)' }],
      ['another port of this machine', 'POST', '/api/v1/kill', { Origin: 'http://127.0.0.1:1' }],
      [
        'a name that was pointed here',
        'POST',
        '/api/v1/start',
        { Origin: 'http://rebound.example', Host: 'rebound.example' },
      ],
    ];
    for (const [title, method, path, headers] of refused) {
      it(`refuses commands of ${title}`, async () => {
        expect(await statusOf(method, path, headers)).to.equal(403);
        expect(server.fake.executed).to.deep.equal([]);
      });
    }

    it('takes commands of its own page, of listed pages, and of the address bar', async () => {
      expect(await statusOf('POST', '/api/v1/stop', { Origin: server.url })).to.equal(200);
      expect(await statusOf('POST', '/api/v1/stop', { Origin: 'https://panel.example.org' })).to.equal(200);
      const bar = { 'Sec-Fetch-Site': 'none', 'User-Agent': 'Mozilla/5.0' };
      expect(await statusOf('GET', '/api/v1/reset', bar)).to.equal(200);
      expect(server.fake.executed).to.have.lengthOf(3);
    });

    it('lets listed pages read the answers, and nobody else', async () => {
      const listed = await ask(server, 'OPTIONS /api/v1/start', {
        headers: { Origin: 'https://panel.example.org' },
      });
      expect(listed.headers.get('access-control-allow-origin')).to.equal('https://panel.example.org');
      expect(listed.headers.get('access-control-allow-headers')).to.include('X-Dia-Lease');
      const other = await ask(server, 'GET /api/v1/status', { headers: { Origin: 'https://evil.example' } });
      expect(other.headers.has('access-control-allow-origin')).to.equal(false);
    });
  });

  it('shows no password that stands in the address of a component', async () => {
    await open({});
    const address = 'http://user:pass-word@backend:8080/v1';
    server.fake.serverInfo = () => ({ clients: { backend: address } });
    server.fake.onExecute = () => {
      throw new ComponentFailedError('component_failed', `${address} failed.`, { actual: address });
    };
    const info = await ask(server, 'GET /api/v1/info');
    expect(JSON.stringify(info.body)).to.include('http://***@backend:8080/v1');
    const failed = await ask(server, 'POST /api/v1/start');
    expect(JSON.stringify([info.body, failed.body, server.log])).not.to.include('pass-word');
  });

  it('puts the security headers on every answer', async () => {
    await open({});
    for (const asked of ['GET /api/v1/status', 'GET /nowhere', 'POST /api/v1/stop']) {
      const { headers } = await ask(server, asked);
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect(headers.get('x-frame-options')).to.equal('SAMEORIGIN');
      expect(headers.get('referrer-policy')).to.equal('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).to.equal('same-origin');
      expect(headers.get('content-security-policy')).to.include("default-src 'none'");
    }
  });

  it('answers 429 to commands that come too fast, but not to kill nor to questions', async () => {
    await open({ commandsPerSecond: 0.1 });
    expect((await ask(server, 'POST /api/v1/stop')).httpStatus).to.equal(200);
    const { httpStatus, headers, body } = await ask(server, 'POST /api/v1/stop');
    expect(httpStatus).to.equal(429);
    expect(Number(headers.get('retry-after'))).to.be.within(9, 10);
    expect(body.error).to.include({ code: 'rate_limited', expected: 'at most 0.1 commands per second' });
    expect((await ask(server, 'POST /api/v1/kill')).httpStatus).to.equal(200);
    expect((await ask(server, 'GET /api/v1/status')).httpStatus).to.equal(200);
    expect(server.fake.executed.map(({ command }) => command.type)).to.deep.equal([
      'acquisition.stop',
      'acquisition.kill',
    ]);
  });
});
