import { createHash } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';
import { expect } from 'chai';
import { page, pageSecurityPolicy } from '../../../src/api/page.js';

/** As much of a browser as the page's script needs. */
class FakeElement {
  textContent = '';
  className = '';
  hidden = true;
  max = 0;
  value = 0;
  children: FakeElement[] = [];
  appendChild(child: FakeElement): FakeElement {
    this.children.push(child);
    return child;
  }
  replaceChildren(...children: FakeElement[]): void {
    this.children = children;
  }
}

function runPage(answers: Record<string, unknown>) {
  const elements = new Map([...page.matchAll(/ id="(\w+)"/g)].map(([, id]) => [id, new FakeElement()]));
  const listeners = new Map<string, (event: { data: string }) => void>();
  const stream = {
    addEventListener: (type: string, listener: (event: { data: string }) => void) =>
      listeners.set(type, listener),
    onopen: () => {},
    onerror: () => {},
  };
  const script = /<script>([\s\S]*)<\/script>/.exec(page)?.[1] ?? '';
  const context = createContext({
    document: {
      getElementById: (id: string) => elements.get(id),
      createElement: () => new FakeElement(),
    },
    EventSource: function EventSource() {
      return stream;
    },
    fetch: async (path: string) => ({ json: async () => answers[path] }),
  });
  runInContext(script, context);
  const shown = (id: string) => elements.get(id) ?? new FakeElement();
  const emit = (type: string, data: unknown) => listeners.get(type)?.({ data: JSON.stringify(data) });
  return { shown, emit, stream };
}

const settled = () => new Promise(setImmediate);

describe('the page', () => {
  it('says which deployment it shows, and of which version', async () => {
    const { shown, stream } = runPage({
      '/api/v1/info': { server_info: { deployment: 'cSAXS', version: '1.2.3' } },
    });
    stream.onopen();
    await settled();
    expect(shown('server').textContent).to.equal('cSAXS');
    expect(shown('version').textContent).to.equal('1.2.3');
  });

  it('shows a snapshot: status, transition, file, frames', () => {
    const { shown, emit } = runPage({});
    emit('snapshot', {
      status: 'IntegrationStatus.RUNNING',
      transition: 'stopping',
      file: '/data/<b>.h5',
      progress: { written_frames: 3, expected_frames: 10, lost_frames: 1, frame_rate_hz: 12.34 },
    });
    expect(shown('status').textContent).to.equal('RUNNING (stopping)');
    expect(shown('status').className).to.equal('busy');
    expect(shown('file').textContent).to.equal('/data/<b>.h5');
    expect(shown('frames').textContent).to.equal('3 of 10 frames, 12.3 per second, 1 lost');
    expect(shown('bar')).to.include({ hidden: false, max: 10, value: 3 });
  });

  it('shows why the status is ERROR and what to do, when an event says that it changed', async () => {
    const { shown, emit } = runPage({
      '/api/v1/status': { status: 'IntegrationStatus.ERROR', details: '3 of 10.', error: { hint: 'Look.' } },
    });
    emit('state', {});
    await settled();
    expect(shown('problem').textContent).to.equal('3 of 10.\nLook.');
    expect(shown('status').className).to.equal('bad');
  });

  it('lists the components, and tells when the connection is lost', async () => {
    const { shown, emit, stream } = runPage({
      '/api/v1/status_details': { state: 'ok', details: { writer: 'writing', left: { detector: 'idle' } } },
    });
    stream.onopen();
    emit('component', {});
    await settled();
    const rows = shown('components').children.map((row) => row.children.map((cell) => cell.textContent));
    expect(rows).to.deep.equal([
      ['writer', 'writing'],
      ['left', 'detector: idle'],
    ]);
    expect(shown('connection').textContent).to.equal('live');
    stream.onerror();
    expect(shown('connection').textContent).to.include('lost');
  });

  it('is allowed exactly its own script and style', () => {
    for (const tag of ['script', 'style']) {
      const text = new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(page)?.[1] ?? '';
      const hash = createHash('sha256').update(text).digest('base64');
      expect(pageSecurityPolicy).to.include(`${tag}-src 'sha256-${hash}'`);
    }
  });
});
