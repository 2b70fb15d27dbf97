import type { Socket } from 'node:net';
import { expect } from 'chai';
import { createBackend, createWriter } from '../../../src/adapters/registry.js';
import {
  ComponentFailedError,
  type DiaError,
  NoSpaceError,
  WrongStateError,
} from '../../../src/contracts/errors.js';
import { expectDiaError, within } from '../../support/calls.js';
import { answerText, MisbehavingServer } from '../../support/misbehavingServer.js';

describe('adapters that hear words they do not know', () => {
  let server: MisbehavingServer;
  let connected: { disconnect(): Promise<void> };

  afterEach(async () => {
    await connected.disconnect();
    await server.close();
  });

  const answering = async (statusCode: number, body: string) => {
    server = await MisbehavingServer.listen((socket: Socket) => socket.write(answerText(statusCode, body)));
    return { url: server.url };
  };

  async function backendHearing(body: string) {
    const backend = createBackend('psi', 'backend', await answering(200, body));
    connected = backend;
    await backend.connect();
    return backend;
  }

  async function writerHearing(statusCode: number, body: string) {
    const writer = createWriter('h5-service', 'writer', await answering(statusCode, body));
    connected = writer;
    await writer.connect();
    return writer;
  }

  it('a backend state that is none is a bad answer that quotes it', async () => {
    const backend = await backendHearing('{"global_state": "DREAMING"}');
    const error = await expectDiaError(backend.status(within()), ComponentFailedError, 'bad_answer');
    expect(error.message).to.contain('DREAMING').and.contain('INITIALIZED');
  });

  it('a backend that answers open with another state did not open', async () => {
    const backend = await backendHearing('CONFIGURED');
    const error = await expectDiaError(backend.open(within()), ComponentFailedError, 'bad_answer');
    expect(error.facts).to.include({ expected: 'OPEN', actual: 'CONFIGURED' });
  });

  for (const body of ['OPEN', '"OPEN"\n', ' OPEN \n']) {
    it(`a backend that answers open with ${JSON.stringify(body)} opened`, async () => {
      await (await backendHearing(body)).open(within());
    });
  }

  for (const body of ['[]', '{}', '{"value": {"backend": 3}}', 'null']) {
    it(`backend metrics of ${body} are a bad answer`, async () => {
      const backend = await backendHearing(body);
      await expectDiaError(backend.metrics(within()), ComponentFailedError, 'bad_answer');
    });
  }

  for (const body of ['{"status": "asleep"}', '{"status": "writing"}', '[]', '{"status": 3}']) {
    it(`a writer report of ${body} is a bad answer`, async () => {
      const writer = await writerHearing(200, body);
      await expectDiaError(writer.report(within()), ComponentFailedError, 'bad_answer');
    });
  }

  const failures: [string, abstract new (...args: never[]) => DiaError, string][] = [
    ['file_exists', WrongStateError, 'file_exists'],
    ['no_space', NoSpaceError, 'no_space'],
    ['wrong_state', ComponentFailedError, 'component_wrong_state'],
    ['invalid_body', ComponentFailedError, 'component_refused'],
  ];
  for (const [code, kind, expected] of failures) {
    it(`a writer that fails with ${code} gives ${expected}, in its words`, async () => {
      const body = JSON.stringify({ status: 'error', message: 'because of the moon', code });
      const writer = await writerHearing(409, body);
      const error = await expectDiaError(writer.start(within()), kind, expected);
      expect(error.message).to.contain('because of the moon');
    });
  }

  it('a writer that fails without words gives its HTTP status', async () => {
    const writer = await writerHearing(500, 'Internal Server Error');
    const error = await expectDiaError(writer.start(within()), ComponentFailedError, 'component_failed');
    expect(error.facts.actual).to.equal('HTTP 500: Internal Server Error');
  });
});
