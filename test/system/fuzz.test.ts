import { expect } from 'chai';
import fc from 'fast-check';
import { HTTP_STATUS } from '../../src/api/errorTable.js';
import { routes } from '../../src/api/routes.js';
import { acquisition, boot, type TestIntegration } from '../support/integration.js';

/** What a component's failure is answered with; see docs/errors.md. */
const COMPONENT_FAILURES = Object.entries(HTTP_STATUS)
  .filter(([code, status]) => status > 500 && code !== 'internal')
  .map(([code]) => code);

/** A lease that one request takes would refuse all others; it has tests of its own. */
const asked = routes.filter(
  ({ method, path, work }) => work.kind !== 'document' && !(method === 'POST' && path.endsWith('/lease')),
);

const name = fc.constantFrom(
  'trigger_start',
  'writer',
  'backend',
  'detector',
  'main',
  'name',
  'value',
  'n_frames',
  'frames',
  'output_file',
  'user_id',
  'bit_depth',
  'dr',
  'period',
  '__proto__',
);
const leaf = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1.5, 16, 1e308, '', 'fuzz.h5', '../out.h5', '/etc/x', 'a\u0000b'),
  fc.jsonValue({ maxDepth: 1 }),
);
const { body: likely } = fc.letrec((tie) => ({
  body: fc.oneof({ depthSize: 'small' }, leaf, fc.dictionary(name, tie('body'), { maxKeys: 4 })),
}));
/** A config that is right but for what is put over it. */
const nearlyRight = fc
  .tuple(fc.constantFrom('writer', 'backend', 'detector'), name, leaf)
  .map(([section, field, value]) => {
    const config: Record<string, object> = acquisition('fuzz.h5', 3);
    return { ...config, [section]: { ...config[section], [field]: value } };
  });
const bodies = fc.oneof(likely, nearlyRight, fc.jsonValue());

describe('whatever is sent to a real integration', function () {
  this.timeout(90_000);
  let dia: TestIntegration;
  before(async () => {
    dia = await boot({ settings: { limits: { drainTimeoutMs: 1_000, settleTimeoutMs: 2_000 } } });
  });
  after(() => dia?.close());

  /** Everything that a command could change. */
  async function present(): Promise<unknown> {
    const { client } = dia;
    const { status } = await client.status();
    return {
      // A run goes on by itself.
      status: /RUNNING|STOPPED|FINISHED/.test(status) ? 'started' : status,
      config: (await client.config()).config,
      enabled: (await client.clientsEnabled()).clients_enabled,
      overlay: (await client.clientConfiguration('main')).client_configuration,
      lease: (await client.lease()).lease,
    };
  }

  it('is answered with no fault of ours, and changes nothing when it is refused', async () => {
    const request = fc.tuple(
      fc.constantFrom(...asked),
      fc.oneof(fc.constantFrom('open', 'config', 'frames', 'main'), fc.string({ minLength: 1 })),
      fc.oneof(
        bodies.map((json) => JSON.stringify(json)),
        fc.string(),
        fc.constant(undefined),
      ),
    );
    const property = fc.asyncProperty(request, async ([{ method, path }, param, body]) => {
      const target = dia.url + path.replace(/:\w+/, encodeURIComponent(Buffer.from(param).toString()));
      const before = await present();
      const answer = await fetch(target, {
        method,
        ...(method === 'GET' || body === undefined
          ? {}
          : { body, headers: { 'Content-Type': 'application/json' } }),
      });
      const envelope = (await answer.json()) as { status: string; error?: { code: string } };
      if (answer.status >= 500) {
        expect(COMPONENT_FAILURES, envelope.status).to.include(envelope.error?.code);
        await dia.client.reset();
      } else if (answer.status >= 400) expect(await present(), envelope.status).to.deep.equal(before);
    });
    await fc.assert(property, { numRuns: 400, interruptAfterTimeLimit: 30_000, endOnFailure: true });
  });

  it('leaves an integration that takes an acquisition', async () => {
    await dia.client.reset();
    await dia.client.setClientsEnabled({ detector: true, backend: true, writer: true });
    await dia.client.clearClientConfiguration('main');
    await dia.client.setConfig(acquisition('sane.h5', 5));
    await dia.client.start();
    await dia.client.waitForStatus('FINISHED');
  });
});
