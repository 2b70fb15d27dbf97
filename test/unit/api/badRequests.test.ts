import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { ask, sendRaw, startTestServer, type TestServer } from '../../support/apiServer.js';

interface BadRequest {
  readonly title: string;
  readonly request: string;
  readonly json?: unknown;
  readonly raw?: string | Uint8Array;
  readonly headers?: Record<string, string>;
  readonly answers: [httpStatus: number, code: string, text: RegExp];
}

const START = 'POST /api/v1/start';
const PUT_CONFIG = 'PUT /api/v1/config';
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

const badRequests: BadRequest[] = [
  {
    title: 'malformed JSON, with the position and what stands there',
    request: PUT_CONFIG,
    raw: '{"writer": {},\n "backend": }',
    answers: [
      400,
      'invalid_json',
      /expected a value at line 2, column 13 \(offset 27\), near '.*"backend": }'/,
    ],
  },
  {
    title: 'JSON that ends too early',
    request: START,
    raw: '{"trigger_start": ',
    answers: [400, 'invalid_json', /the body ends where a value is expected/],
  },
  {
    title: 'text after the JSON',
    request: START,
    raw: '{} {}',
    answers: [400, 'invalid_json', /expected the end of the body/],
  },
  {
    title: 'a body of blanks',
    request: START,
    raw: '  ',
    answers: [400, 'invalid_json', /ends where a value/],
  },
  {
    title: 'malformed JSON where no body is taken',
    request: 'POST /api/v1/stop',
    raw: '{',
    answers: [400, 'invalid_json', /field name/],
  },
  {
    title: 'bytes that are not UTF-8',
    request: START,
    raw: new Uint8Array([0x22, 0xff, 0x22]),
    answers: [400, 'invalid_json', /not UTF-8/],
  },
  {
    title: 'a form, as curl -d sends it',
    request: START,
    raw: '{"trigger_start": true}',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    answers: [
      415,
      'unsupported_media_type',
      /must be sent as application\/json, not as application\/x-www-form/,
    ],
  },
  {
    title: 'JSON in another charset',
    request: START,
    raw: '{}',
    headers: { 'Content-Type': 'application/json; charset=iso-8859-1' },
    answers: [415, 'unsupported_media_type', /iso-8859-1/],
  },
  {
    title: 'a compressed body',
    request: START,
    raw: '{}',
    headers: { 'Content-Encoding': 'gzip' },
    answers: [415, 'unsupported_media_type', /encoded as gzip/],
  },
  {
    title: 'a misspelt trigger_start',
    request: START,
    json: { triger_start: true },
    answers: [400, 'invalid_body', /Unknown field 'triger_start'; did you mean 'trigger_start'\?/],
  },
  {
    title: 'a trigger_start of the wrong type',
    request: START,
    json: { trigger_start: 'yes' },
    answers: [400, 'invalid_body', /'trigger_start' must be true or false, not the string 'yes'\./],
  },
  {
    title: 'a section that is no object',
    request: START,
    json: { writer: 5 },
    answers: [400, 'invalid_body', /'writer' must be an object, not 5\./],
  },
  {
    title: 'a start with a list',
    request: START,
    json: [],
    answers: [400, 'invalid_body', /The body must be an object, not an array\./],
  },
  {
    title: 'fields where no body is taken',
    request: 'POST /api/v1/reset',
    json: { force: true },
    answers: [400, 'invalid_body', /Unknown field 'force': this request takes no body\./],
  },
  {
    title: 'PUT of a config without a body',
    request: PUT_CONFIG,
    answers: [400, 'invalid_body', /needs a JSON body, and none came/],
  },
  {
    title: 'PUT of a config that is a string',
    request: PUT_CONFIG,
    json: 'config',
    answers: [400, 'invalid_body', /must be an object, not the string 'config'/],
  },
  {
    title: 'all wrong sections at once',
    request: 'POST /api/v1/config',
    json: { writer: 1, backend: [] },
    answers: [
      400,
      'invalid_body',
      /'writer' must be an object, not 1\. 'backend' must be an object, not an array\./,
    ],
  },
  {
    title: 'an empty update',
    request: 'POST /api/v1/config',
    answers: [400, 'invalid_body', /needs a JSON body/],
  },
  {
    title: 'a detector value without a body, in the text clients know',
    request: 'POST /api/v1/detector/value',
    answers: [400, 'invalid_body', /^Set detector value JSON request cannot be empty\.$/],
  },
  {
    title: 'a detector value without its value, in the text clients know',
    request: 'POST /api/v1/detector/value',
    json: { name: 'dr' },
    answers: [400, 'invalid_body', /^'name' and 'value' must be set in JSON request\.$/],
  },
  {
    title: 'a detector value with a misspelt field',
    request: 'POST /api/v1/detector/value',
    json: { name: 'dr', value: 1, valeu: 2 },
    answers: [400, 'invalid_body', /Unknown field 'valeu'; did you mean 'value'\?/],
  },
  {
    title: 'a detector value with an empty name',
    request: 'POST /api/v1/detector/value',
    json: { name: '', value: 1 },
    answers: [400, 'invalid_body', /'name' must not be empty/],
  },
  {
    title: 'a component enabled with a number',
    request: 'POST /api/v1/enabled_clients',
    json: { writer: 1 },
    answers: [400, 'invalid_body', /'writer' must be true or false, not 1/],
  },
  {
    title: 'an overlay that is too flat',
    request: 'POST /api/v1/set_client_configuration',
    json: { left: { detector: 1 } },
    answers: [400, 'invalid_body', /'left\.detector' must be an object, not 1/],
  },
  {
    title: 'an unknown action of the backend, naming the valid ones',
    request: 'PUT /api/v1/backend/opne',
    answers: [
      404,
      'unknown_action',
      /Action opne not supported\. Currently supported actions: open, close, reset, config/,
    ],
  },
  {
    title: 'an action of the backend that is a property of every object',
    request: 'GET /api/v1/backend/constructor',
    answers: [404, 'unknown_action', /constructor not supported/],
  },
  {
    title: 'settings for an action that takes none',
    request: 'PUT /api/v1/backend/open',
    json: { bit_depth: 16 },
    answers: [400, 'invalid_body', /Unknown field 'bit_depth'/],
  },
  {
    title: 'a config of the backend without settings',
    request: 'GET /api/v1/backend/config',
    answers: [400, 'invalid_body', /needs settings as a JSON body: use PUT/],
  },
  {
    title: 'a body of more than 1 MiB',
    request: PUT_CONFIG,
    raw: ' '.repeat(1024 * 1024 + 1),
    answers: [413, 'body_too_large', /larger than 1048576 bytes/],
  },
  {
    title: 'a body nested deeper than any config',
    request: 'POST /api/v1/daq_test',
    raw: deep(200_000),
    answers: [400, 'invalid_body', /nested too deeply/],
  },
  {
    title: 'nesting that never ends',
    request: 'POST /api/v1/daq_test',
    raw: '['.repeat(500_000),
    answers: [400, 'invalid_json', /expected|ends/],
  },
  {
    title: 'a field named __proto__',
    request: START,
    raw: '{"__proto__": {"trigger_start": false}}',
    answers: [400, 'invalid_body', /__proto__/],
  },
  {
    title: 'a number beyond every float',
    request: 'POST /api/v1/config',
    raw: '{"detector": {"exptime": 1e999}}',
    answers: [400, 'invalid_body', /too large/],
  },
  {
    title: 'an unknown path, naming the near one',
    request: 'GET /api/v1/stauts',
    answers: [404, 'not_found', /There is no \/api\/v1\/stauts\. Did you mean \/api\/v1\/status/],
  },
  {
    title: 'a path without the prefix, naming the right one',
    request: 'POST /start',
    answers: [404, 'not_found', /Did you mean \/api\/v1\/start/],
  },
  {
    title: 'an unknown path with a parameter, naming the near one',
    request: 'GET /api/v1/detector/vaule/frames',
    answers: [404, 'not_found', /Did you mean \/api\/v1\/detector\/value\/:name/],
  },
  {
    title: 'a path like no other, without a guess',
    request: 'GET /favicon.ico',
    answers: [404, 'not_found', /^There is no \/favicon\.ico\.$/],
  },
  {
    title: 'a method that the path does not take',
    request: 'DELETE /api/v1/config',
    answers: [405, 'method_not_allowed', /\/api\/v1\/config takes GET, HEAD, OPTIONS, POST, PUT, not DELETE/],
  },
  {
    title: 'GET where a command is needed',
    request: 'GET /api/v1/start',
    answers: [405, 'method_not_allowed', /takes OPTIONS, POST, not GET/],
  },
];

describe('bad requests', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(() => server.close());

  for (const { title, request, json, raw, headers, answers } of badRequests) {
    const [httpStatus, code, text] = answers;
    it(`are refused and nothing is executed: ${title}`, async () => {
      const answer = await ask(server, request, {
        json,
        ...(raw === undefined ? {} : { raw }),
        ...(headers === undefined ? {} : { headers }),
      });
      expect(answer.body.state).to.equal('error');
      expect(answer.body.status).to.match(text);
      expect(answer.body.error).to.include({ code, component: 'api' });
      expect(answer.body.error).to.have.all.keys(
        'code',
        'component',
        'operation',
        'expected',
        'actual',
        'hint',
        'request_id',
      );
      expect(answer.body.error?.hint).to.be.a('string').and.not.equal('');
      expect(answer.httpStatus).to.equal(httpStatus);
      expect(answer.headers.get('content-type')).to.equal('application/json; charset=utf-8');
      expect(answer.body.error?.request_id).to.equal(answer.headers.get('x-request-id'));
      expect(server.fake.executed).to.deep.equal([]);
    });
  }

  it('with a wrong method name the right ones in Allow', async () => {
    const { headers } = await ask(server, 'PUT /api/v1/backend');
    expect(headers.has('allow')).to.equal(false);
    const wrong = await ask(server, 'POST /api/v1/backend/open');
    expect(wrong.headers.get('allow')).to.equal('GET, OPTIONS, PUT');
  });

  it('with a body of unknown length are cut off at the limit', async () => {
    const chunk = `${(64 * 1024).toString(16)}\r\n${' '.repeat(64 * 1024)}\r\n`;
    const answer = await sendRaw(
      server,
      `PUT /api/v1/config HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
    );
    expect(answer).to.match(/^HTTP\/1\.1 413 /);
    expect(answer).to.include('"code":"body_too_large"');
    expect(server.fake.executed).to.deep.equal([]);
  });

  it('whose body is refused and never ends are disconnected', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      'PUT /api/v1/config HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n{',
    );
    expect(await text(socket)).to.match(/^HTTP\/1\.1 413 /);
  });

  it('whose body is cut off execute nothing', async () => {
    await sendRaw(
      server,
      'POST /api/v1/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"trigger_start": true}',
    );
    expect(server.fake.executed).to.deep.equal([]);
  });

  it('that are not HTTP get the same envelope', async () => {
    const answer = await sendRaw(server, 'start please\r\n\r\n');
    expect(answer).to.match(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).to.match(/\r\nX-Request-Id: \S+\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).to.include({ state: 'error' });
  });

  it('are answered with 200 where a deployment wants it', async () => {
    const legacy = await startTestServer({ legacyStatusCodes: true });
    const answer = await ask(legacy, START, { json: { trigger_start: 1 } });
    expect(answer.httpStatus).to.equal(200);
    expect(answer.body.state).to.equal('error');
    await legacy.close();
  });

  it('may carry no body with any content type where none is needed', async () => {
    const answer = await ask(server, START, {
      raw: '',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.body.state).to.equal('ok');
    expect(server.fake.executed).to.have.length(1);
  });

  it('are not those of exactly 1 MiB, with a byte order mark, or with a field given twice', async () => {
    const padded = '{"writer": {"n_frames": 1, "n_frames": 2}}'.padEnd(1024 * 1024 - 3);
    const answer = await ask(server, 'POST /api/v1/config', { raw: `\uFEFF${padded}` });
    expect(answer.body.state).to.equal('ok');
    expect(server.fake.executed[0]?.command).to.deep.equal({
      type: 'acquisition.update',
      sections: { writer: { n_frames: 2 } },
    });
  });
});
