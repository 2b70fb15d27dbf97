import { HttpFake } from './httpFake.js';

const REQUIRED = ['general/created', 'general/user', 'general/process', 'general/instrument', 'output_file'];

/** The broker for beam-synchronous data: its REST interface, with its errors as HTTP 200. */
export class FakeBroker {
  parameters: Record<string, unknown> | null = null;
  /** Set by the timing system. */
  startPulseId: number | null = null;
  /** What was written, by its file. */
  readonly requests: string[] = [];
  #http: HttpFake | null = null;

  static async open(): Promise<FakeBroker> {
    const broker = new FakeBroker();
    broker.#http = await HttpFake.open((route, body) => broker.handle(route, body));
    return broker;
  }

  get http(): HttpFake {
    if (this.#http === null) throw new Error('not open');
    return this.#http;
  }

  /** What the timing system tells it at the end. */
  stopPulse(): void {
    this.requests.push(String(this.parameters?.output_file));
    this.parameters = null;
    this.startPulseId = null;
  }

  handle(route: string, body: Record<string, unknown>) {
    switch (route) {
      case 'GET /status':
        return { body: { state: 'ok', status: this.#status() } };
      case 'POST /parameters': {
        if (!REQUIRED.every((name) => name in body)) {
          const names = (list: string[]) => `['${list.join("', '")}']`;
          const status = `Missing mandatory parameters. Mandatory parameters '${names(REQUIRED)}' but received '${names(Object.keys(body))}'.`;
          return { body: { state: 'error', status } };
        }
        this.parameters = body;
        return { body: { state: 'ok', status: this.#status(), parameters: body } };
      }
      case 'GET /stop':
        this.parameters = null;
        this.startPulseId = null;
        return { body: { state: 'ok', status: this.#status() } };
      case 'GET /statistics':
        return {
          body: {
            state: 'ok',
            status: this.#status(),
            statistics: { n_processed_requests: this.requests.length },
          },
        };
      default:
        return { code: 404, body: {} };
    }
  }

  #status(): string {
    if (this.parameters === null) return 'stopped';
    return this.startPulseId === null ? 'configured' : 'receiving';
  }
}
