import { type FSWatcher, watch } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';

/** What a service tells of itself, and how it is ended. */
export interface AnnouncementOptions {
  /** Addresses it listens on, by purpose: `control`, `frames`, `http`. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Whether a run goes on; a busy service never leaves because its controller is gone. */
  readonly isBusy: () => boolean;
  /** Ends the service: closes files and sockets. Called once, on SIGTERM, SIGINT or a missing controller. */
  readonly onStop: (reason: string) => Promise<void>;
  /** Where the controller is found: DIA_SERVICE_SOCKET, DIA_SERVICE_NAME, DIA_SERVICE_LINGER_MS. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Takes the endpoints of a service that was started by hand. */
  readonly print?: (line: string) => void;
}

/** A service that has made itself known. */
export interface Announcement {
  /** Takes the announcement back: no more signals, no more looking for the controller. */
  close(): void;
}

const DEFAULT_LINGER_MS = 60_000;
const LOOK_EVERY_MS = 500;
const LISTENING_AFTER_MS = 30;

/**
 * Tells the controller that this service is there, and watches whether the controller still is.
 *
 * The connection to the controller's Unix socket is the proof of life. When it closes, the service looks for
 * the socket again, and ends by itself once it was without a controller and without a run for the grace
 * time. Without DIA_SERVICE_SOCKET it prints its endpoints and stays until it gets a signal. Nothing here
 * keeps the process alive: the service's own sockets do.
 */
export function announceService(options: AnnouncementOptions): Announcement {
  const environment = options.environment ?? process.env;
  const hello = {
    name: environment.DIA_SERVICE_NAME ?? basename(process.argv[1] ?? 'service', '.js'),
    pid: process.pid,
    endpoints: options.endpoints,
  };
  const socketPath = environment.DIA_SERVICE_SOCKET;
  let ended = false;
  let link: ControllerLink | null = null;

  const close = () => {
    ended = true;
    link?.close();
    // With the handlers gone, a second signal ends a service whose graceful end hangs.
    process.removeListener('SIGTERM', onSignal);
    process.removeListener('SIGINT', onSignal);
  };
  const stop = (reason: string) => {
    if (ended) return;
    close();
    options.onStop(reason).catch((error: unknown) => {
      process.stderr.write(`${hello.name}: the graceful end failed: ${String(error)}\n`);
      process.exit(1);
    });
  };
  const onSignal = (signal: NodeJS.Signals) => stop(signal);

  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  if (socketPath === undefined || socketPath === '') {
    const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
    print(JSON.stringify(hello));
  } else {
    link = new ControllerLink({
      socketPath,
      hello: `${JSON.stringify({ hello })}\n`,
      lingerMs: lingerTime(environment.DIA_SERVICE_LINGER_MS),
      isBusy: options.isBusy,
      onAlone: () => stop('no controller came back within the grace time'),
    });
    link.open();
  }
  return { close };
}

/** The grace time; nonsense in the environment must not make a service immortal or stillborn. */
function lingerTime(text: string | undefined): number {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : DEFAULT_LINGER_MS;
}

interface LinkOptions {
  readonly socketPath: string;
  readonly hello: string;
  readonly lingerMs: number;
  readonly isBusy: () => boolean;
  readonly onAlone: () => void;
}

/** The connection to the controller, made again whenever it is lost. */
class ControllerLink {
  readonly #options: LinkOptions;
  #socket: Socket | null = null;
  #connected = false;
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;
  #aloneSinceMs = performance.now();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  open(): void {
    const lookEveryMs = Math.max(10, Math.min(LOOK_EVERY_MS, this.#options.lingerMs / 4));
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
    this.#timer.unref();
    this.#look();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#watcher?.close();
    this.#watcher = null;
    this.#socket?.destroy();
    this.#socket = null;
  }

  #look(): void {
    if (this.#connected || this.#timer === null) return;
    if (this.#options.isBusy()) this.#aloneSinceMs = performance.now();
    if (performance.now() - this.#aloneSinceMs >= this.#options.lingerMs) {
      this.#options.onAlone();
      return;
    }
    this.#watchFolder();
    this.#tryToConnect();
  }

  /** A controller that comes back makes the socket anew: seen at once, instead of at the next look. */
  #watchFolder(): void {
    if (this.#watcher !== null) return;
    try {
      const watcher = watch(dirname(this.#options.socketPath), { persistent: false }, () => {
        this.#look();
        // The file appears a moment before its owner listens.
        setTimeout(() => this.#look(), LISTENING_AFTER_MS).unref();
      });
      watcher.on('error', () => this.#dropWatcher());
      this.#watcher = watcher;
    } catch {
      // The folder may be gone together with the controller; the regular look goes on.
      this.#watcher = null;
    }
  }

  #dropWatcher(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  #tryToConnect(): void {
    if (this.#socket !== null) return;
    const socket = connect(this.#options.socketPath);
    this.#socket = socket;
    socket.unref();
    socket.on('connect', () => {
      this.#connected = true;
      socket.write(this.#options.hello);
      this.#dropWatcher();
    });
    // The answers carry nothing this side acts on, but unread data would hide the end of the connection.
    socket.resume();
    // The 'close' that follows does the work; without a listener an error would end the process.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (!this.#connected) return;
      this.#connected = false;
      this.#aloneSinceMs = performance.now();
      this.#look();
    });
  }
}
