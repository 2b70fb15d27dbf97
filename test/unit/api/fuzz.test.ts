import { expect } from 'chai';
import fc from 'fast-check';
import { findJsonFault } from '../../../src/api/jsonFault.js';
import { routes } from '../../../src/api/routes.js';
import { ask, startTestServer, type TestServer } from '../../support/apiServer.js';

const answering = routes.filter(({ work }) => work.kind !== 'document');

/** Words that mean something to the API, so that the fuzz gets past the first check. */
const word = fc.constantFrom(
  'trigger_start',
  'writer',
  'backend',
  'detector',
  'name',
  'value',
  '__proto__',
  'x',
);
const { body: likelyBody } = fc.letrec((tie) => ({
  body: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, -1, 1.5, '', 'text'),
    fc.dictionary(word, tie('body')),
    fc.array(tie('body')),
  ),
}));
const anyJson = fc.oneof(likelyBody, fc.jsonValue());
const segment = fc.oneof(
  fc.constantFrom('open', 'config', 'frames'),
  fc.string({ minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1 }),
);

describe('whatever is sent', () => {
  let server: TestServer;

  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  const check = async (request: string, sent: { json?: unknown; raw?: Uint8Array }) => {
    server.fake.executed.length = 0;
    const { httpStatus, body, headers } = await ask(server, request, sent);
    expect(httpStatus, body.status).to.be.lessThan(500);
    expect(headers.get('x-request-id')).to.be.a('string');
    expect(body.status).to.be.a('string').and.not.equal('');
    expect(body.state).to.equal(httpStatus === 200 ? 'ok' : 'error');
    if (httpStatus >= 400) {
      expect(body.error?.code).to.be.a('string');
      expect(server.fake.executed).to.deep.equal([]);
    }
  };

  const requestTo = fc
    .tuple(fc.constantFrom(...answering), segment)
    .map(
      ([{ method, path }, name]) =>
        `${method} ${path.replace(/:\w+/, encodeURIComponent(Buffer.from(name).toString()))}`,
    );

  it('as JSON to any route is never our fault, and no refused request executes anything', async () => {
    const property = fc.asyncProperty(requestTo, anyJson, (request, json) =>
      check(request, request.startsWith('GET') ? {} : { json }),
    );
    await fc.assert(property, { numRuns: 400 });
  });

  it('as bytes to any route is never our fault, and no refused request executes anything', async () => {
    const property = fc.asyncProperty(requestTo, fc.uint8Array({ minLength: 1 }), (request, raw) =>
      check(request, request.startsWith('GET') ? {} : { raw }),
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('has its first fault found wherever JSON.parse finds one, and none where it finds none', () => {
    const nearlyJson = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', ',', '}', ']', '"', '\\', ':', '\n', '0', '-', 'e', '\u0001'),
      )
      .map(([text, at, put]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put + text.slice(place + 1);
      });
    fc.assert(
      fc.property(fc.oneof(nearlyJson, fc.string(), fc.json()), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const fault = findJsonFault(text);
        expect(fault === null).to.equal(valid);
        if (fault !== null) expect(fault.offset).to.be.within(0, text.length);
      }),
      { numRuns: 3000 },
    );
  });
});
