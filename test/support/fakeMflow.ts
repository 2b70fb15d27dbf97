import { writeFileSync } from 'node:fs';
import { HttpFake } from './httpFake.js';

/**
 * An mflow node called `writer` with a processor that writes files: the REST interface of mflow_nodes. Its processor
 * knows output_file, n_frames and compression, and refuses other parameters.
 */
export class FakeMflow {
  readonly parameters: Record<string, unknown> = { output_file: null, n_frames: 0, compression: null };
  running = false;
  #frames = 0;
  #http: HttpFake | null = null;

  static async open(): Promise<FakeMflow> {
    const node = new FakeMflow();
    node.#http = await HttpFake.open((route, body) => node.handle(route, body));
    return node;
  }

  get http(): HttpFake {
    if (this.#http === null) throw new Error('not open');
    return this.#http;
  }

  take(frames: number): void {
    this.#frames += frames;
    writeFileSync(String(this.parameters.output_file), 'frames');
    if (this.#frames === this.parameters.n_frames) this.running = false;
  }

  handle(route: string, body: Record<string, unknown>) {
    switch (route.replace('/api/v1/writer', '')) {
      case 'GET /status': {
        const data = {
          processor_name: 'HDF5 writer',
          is_running: this.running,
          parameters: this.parameters,
        };
        return { body: { status: 'ok', data } };
      }
      case 'GET /statistics': {
        const statistics = {
          n_received_frames: this.#frames,
          n_written_frames: this.#frames,
          n_written_bytes: this.#frames * 48,
        };
        return { body: { status: 'ok', data: { statistics } } };
      }
      case 'GET /parameters':
        return { body: { status: 'ok', data: this.parameters } };
      case 'POST /parameters': {
        const unknown = Object.keys(body).find((name) => !(name in this.parameters));
        if (unknown !== undefined) return this.#error(`Unknown parameter '${unknown}'.`);
        Object.assign(this.parameters, body);
        return { body: { status: 'ok', message: 'Parameters set.' } };
      }
      case 'PUT /':
        if (this.running) return this.#error('Process is already running.');
        this.running = true;
        this.#frames = 0;
        return { body: { status: 'ok', message: 'Process started.' } };
      case 'DELETE /':
        this.running = false;
        return { body: { status: 'ok', message: 'Process stopped.' } };
      default:
        return { code: 404, body: {} };
    }
  }

  #error(message: string) {
    return { code: 500, body: { status: 'error', message } };
  }
}
