import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { createTelemetry } from '../../../src/telemetry/logger.js';
import { withRequestContext } from '../../../src/telemetry/requestContext.js';

describe('createTelemetry', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-log-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const lines = async (name: string) =>
    (await readFile(join(folder, name), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('puts request id, client and acquisition id on every line that belongs to them', async () => {
    const telemetry = createTelemetry({ level: 'info', folder, quiet: true });
    telemetry.log.info('outside');
    telemetry.belongTo('run-1');
    await withRequestContext({ requestId: 'r1', client: '10.0.0.1' }, async () => {
      await Promise.resolve();
      telemetry.log.info('inside', { frames: 3 });
      telemetry.audit({ kind: 'call', what: 'detector.start', outcome: 'ok', ms: 1.5 });
    });
    await telemetry.close();
    const [outside, inside] = await lines('dia.log');
    expect(outside).not.to.have.any.keys('requestId', 'acquisitionId');
    expect(inside).to.include({
      message: 'inside',
      requestId: 'r1',
      client: '10.0.0.1',
      acquisitionId: 'run-1',
      frames: 3,
    });
    const [entry] = await lines('audit.log');
    expect(entry).to.include({
      what: 'detector.start',
      outcome: 'ok',
      ms: 1.5,
      requestId: 'r1',
      acquisitionId: 'run-1',
    });
  });

  it('puts no request id on what goes on when the request has ended', async () => {
    const telemetry = createTelemetry({ level: 'info', folder, quiet: true });
    let watching = Promise.resolve();
    await withRequestContext({ requestId: 'r1' }, async () => {
      watching = setImmediate().then(() => telemetry.log.info('later'));
    });
    await watching;
    await telemetry.close();
    const [later] = await lines('dia.log');
    expect(later).to.include({ message: 'later' }).and.not.to.have.any.keys('requestId');
  });

  it('keeps the request id of a request that goes on while others begin and end', async () => {
    const telemetry = createTelemetry({ level: 'info', folder, quiet: true });
    const short = (requestId: string) =>
      withRequestContext({ requestId }, async () => {
        await setImmediate();
        telemetry.log.info('short');
      });
    await short('before');
    await withRequestContext({ requestId: 'long' }, async () => {
      await Promise.all([short('within'), setImmediate()]);
      telemetry.log.info('long');
      await setImmediate();
      telemetry.log.info('long');
    });
    await short('after');
    await telemetry.close();
    const seen = (await lines('dia.log')).map(({ message, requestId }) => `${message} ${requestId}`);
    expect(seen).to.deep.equal(['short before', 'short within', 'long long', 'long long', 'short after']);
  });

  it('leaves out what is below its level', async () => {
    const telemetry = createTelemetry({ level: 'warn', folder, quiet: true });
    telemetry.log.info('not this');
    telemetry.log.warn('this');
    await telemetry.close();
    expect((await lines('dia.log')).map(({ message }) => message)).to.deep.equal(['this']);
  });
});
