import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

/** What a service says when it connects. */
export interface Hello {
  readonly name: string;
  readonly pid: number;
  readonly endpoints: Record<string, string>;
}

/** A stand-in for the controller's end of the service announcement, on a real Unix socket. */
export class ControllerSocket {
  readonly hellos: Hello[] = [];
  readonly #server: Server;
  readonly #path: string;
  readonly #connections = new Set<Socket>();
  #waiting: (() => void)[] = [];

  private constructor(path: string) {
    this.#path = path;
    this.#server = createServer((connection) => this.#serve(connection));
  }

  static async listen(path: string): Promise<ControllerSocket> {
    const controller = new ControllerSocket(path);
    controller.#server.listen(path);
    await once(controller.#server, 'listening');
    return controller;
  }

  /** The n-th hello (from 1), as soon as it has come. */
  async hello(count: number): Promise<Hello> {
    for (;;) {
      const hello = this.hellos[count - 1];
      if (hello !== undefined) return hello;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Disappears as a controller that ended: connections cut, the socket file gone. */
  async disappear(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
    rmSync(this.#path, { force: true });
  }

  #serve(connection: Socket): void {
    this.#connections.add(connection);
    let text = '';
    connection.on('data', (chunk) => {
      text += chunk.toString();
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        this.hellos.push(JSON.parse(text.slice(0, end)).hello);
        text = text.slice(end + 1);
        connection.write(`${JSON.stringify({ welcome: { controller_pid: process.pid } })}\n`);
      }
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    });
    connection.on('error', () => undefined);
    connection.on('close', () => this.#connections.delete(connection));
  }
}
