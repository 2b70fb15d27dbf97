import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A value as the control unit describes it. */
export interface FakeValue {
  value: unknown;
  access_mode?: 'r' | 'rw';
  unit?: string;
  min?: number;
  max?: number;
  allowed_values?: unknown[];
}

const detectorConfig = (): Record<string, FakeValue> => ({
  nimages: { value: 1, min: 1, max: 1_000_000 },
  ntrigger: { value: 1, min: 1, max: 1_000_000 },
  count_time: { value: 0.1, unit: 's', min: 1e-6, max: 3600 },
  frame_time: { value: 0.2, unit: 's', min: 1e-6, max: 3600 },
  bit_depth_image: { value: 16, access_mode: 'r' },
  trigger_mode: { value: 'ints', allowed_values: ['ints', 'inte', 'exts', 'exte'] },
  photon_energy: { value: 12_000, unit: 'eV', min: 2700, max: 100_000 },
  threshold_energy: { value: 6000, unit: 'eV', min: 1350, max: 100_000 },
});

/**
 * A DECTRIS control unit with what the simulators lack: limits, values that change with others, errors, slow commands,
 * the monitor, and files. Written after the SIMPLON API reference 1.8; only this side of the wire is faked.
 */
export class SimplonFake {
  readonly detector = detectorConfig();
  readonly stream: Record<string, FakeValue> = {
    mode: { value: 'disabled', allowed_values: ['enabled', 'disabled'] },
    format: { value: 'legacy', allowed_values: ['legacy', 'cbor'] },
    header_detail: { value: 'none', allowed_values: ['none', 'basic', 'all'] },
  };
  readonly filewriter: Record<string, FakeValue> = {
    mode: { value: 'disabled' },
    name_pattern: { value: 'series_$id' },
    nimages_per_file: { value: 1000 },
  };
  readonly monitor: Record<string, FakeValue> = { mode: { value: 'disabled' } };
  readonly status: Record<string, unknown> = {
    'detector/state': 'idle',
    'detector/error': [],
    'stream/state': 'ready',
    'stream/dropped': 0,
    'filewriter/state': 'ready',
  };
  /** Files on the control unit. */
  readonly files = new Map<string, Buffer>();
  /** Files that are listed, and cannot be fetched. */
  readonly missing = new Set<string>();
  /** Everything that was changed or commanded, in order: `config/nimages=3`, `arm`. */
  readonly calls: string[] = [];
  /** What a command answers instead of 200. */
  readonly failures = new Map<string, number>();
  /** Commands that wait for `release`. */
  readonly held = new Set<string>();
  version: string | null = '1.8.0';
  series = 10;
  readonly #server: Server;
  #waiting: (() => void)[] = [];
  #frozen: (() => void)[] | null = null;

  private constructor() {
    this.#server = createServer((request, response) => {
      const answer = () =>
        void this.#answer(request).then(({ code, body }) => {
          response.writeHead(code, { 'content-type': 'application/json' });
          response.end(Buffer.isBuffer(body) ? body : body === undefined ? '' : JSON.stringify(body));
        });
      if (this.#frozen === null) answer();
      else this.#frozen.push(answer);
    });
  }

  static async start(): Promise<SimplonFake> {
    const fake = new SimplonFake();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  set state(state: string) {
    this.status['detector/state'] = state;
  }

  /** Lets the commands go on that are held. */
  release(): void {
    this.held.clear();
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Answers nothing until `wake`. */
  freeze(): void {
    this.#frozen = [];
  }

  wake(): void {
    const frozen = this.#frozen ?? [];
    this.#frozen = null;
    for (const answer of frozen) answer();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.release();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage): Promise<{ code: number; body?: unknown }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const url = request.url ?? '';
    if (url === '/detector/api/version') {
      return this.version === null ? { code: 404 } : { code: 200, body: { value: this.version } };
    }
    const data = /^\/data\/(.+)$/.exec(url)?.[1];
    if (data !== undefined) {
      const file = this.missing.has(data) ? undefined : this.files.get(data);
      return file === undefined ? { code: 404 } : { code: 200, body: file };
    }
    const [, module = '', version, kind, key = ''] = /^\/(\w+)\/api\/([\d.]+)\/(\w+)\/?(.*)$/.exec(url) ?? [];
    if (version !== (this.version ?? '1.6.0')) return { code: 404, body: 'no such version' };
    if (kind === 'files') return { code: 200, body: [...this.files.keys()] };
    if (kind === 'status') {
      const value = this.status[`${module}/${key}`];
      return value === undefined ? { code: 404 } : { code: 200, body: { value } };
    }
    if (kind === 'command') return this.#command(module, key);
    const config = this.#config(module)[key];
    if (config === undefined) return { code: 404, body: `unknown path: "${key}"` };
    if (request.method === 'GET') return { code: 200, body: { access_mode: 'rw', ...config } };
    return this.#set(module, key, JSON.parse(text).value);
  }

  #config(module: string): Record<string, FakeValue> {
    switch (module) {
      case 'detector':
        return this.detector;
      case 'stream':
        return this.stream;
      case 'filewriter':
        return this.filewriter;
      default:
        return this.monitor;
    }
  }

  #set(module: string, key: string, value: unknown): { code: number; body?: unknown } {
    const config = this.#config(module)[key];
    if (config === undefined || config.access_mode === 'r') return { code: 400, body: 'read only' };
    this.calls.push(`${module === 'detector' ? '' : `${module}/`}${key}=${JSON.stringify(value)}`);
    config.value = value;
    const set = (other: string, derived: unknown) => {
      const changed = this.detector[other];
      if (changed !== undefined) changed.value = derived;
      return other;
    };
    if (module !== 'detector') return { code: 200 };
    // As the real one: the energy sets the threshold, and the exposure time lengthens the period when it has to.
    if (key === 'photon_energy')
      return { code: 200, body: [key, set('threshold_energy', Number(value) / 2)] };
    if (key === 'count_time' && Number(value) > Number(this.detector.frame_time?.value)) {
      return { code: 200, body: [key, set('frame_time', Number(value) + 1e-5)] };
    }
    if (key === 'trigger_mode' && (value === 'inte' || value === 'exte')) {
      return { code: 200, body: [key, set('nimages', 1)] };
    }
    return { code: 200, body: [key] };
  }

  async #command(module: string, key: string): Promise<{ code: number; body?: unknown }> {
    this.calls.push(module === 'detector' ? key : `${module}/${key}`);
    const failure = this.failures.get(key);
    if (failure !== undefined) return { code: failure, body: `${key} failed` };
    if (key === 'trigger') this.state = 'acquire';
    if (key === 'initialize' && module === 'detector') this.state = 'initialize';
    if (this.held.has(key)) await new Promise<void>((go) => this.#waiting.push(go));
    switch (key) {
      case 'arm':
        this.series += 1;
        this.state = 'ready';
        return { code: 200, body: { 'sequence id': this.series } };
      case 'disarm':
      case 'abort':
        this.state = 'idle';
        return { code: 200, body: { 'sequence id': this.series } };
      case 'cancel':
        this.state = 'ready';
        return { code: 200, body: { 'sequence id': this.series } };
      case 'trigger':
        if (this.status['detector/state'] === 'acquire') this.state = 'ready';
        return { code: 200 };
      case 'initialize':
        if (module === 'detector') this.state = 'idle';
        return { code: 200 };
      default:
        return { code: 404, body: `unknown path: "${key}"` };
    }
  }
}
