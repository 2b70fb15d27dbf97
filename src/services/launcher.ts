import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ComponentFailedError, WrongStateError } from '../contracts/errors.js';
import { ControllerSocket, type Hello } from './controllerSocket.js';
import { type LaunchedService, LaunchedServices } from './launchedServices.js';
import { identify, type ProcessIdentity, stillRuns } from './processIdentity.js';
import { gone, signal } from './processSignals.js';
import { RestartCount } from './restartCount.js';

/** A program to run beside the controller. */
export interface ServiceCommand {
  readonly name: string;
  readonly executable: string;
  readonly args: readonly string[];
  readonly lingerMs: number;
  /** Arguments that make it listen where it listened before; without it the service chooses anew. */
  readonly listenOn?: (endpoints: Readonly<Record<string, string>>) => readonly string[];
}

export interface LauncherOptions {
  /** Holds the services' logs and the list of those that run. */
  readonly stateFolder: string;
  readonly onMessage: (
    level: 'info' | 'warn' | 'error',
    text: string,
    fields: Record<string, unknown>,
  ) => void;
  /** Told at once when a service has ended by itself. */
  readonly onEnded?: (hello: Hello) => void;
  readonly readyTimeoutMs?: number;
  readonly takeoverTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  /** How long one that was killed may take to be gone. */
  readonly killTimeoutMs?: number;
  /** How long a service has to live until what was before it is forgotten. */
  readonly restartsForgottenMs?: number;
  /** Between a start that failed and the next; twice as long each time. */
  readonly restartPauseMs?: number;
}

interface RunningService {
  readonly hello: Hello;
  readonly connection: Socket;
  /** Looked up when it said hello. */
  readonly identity: Promise<ProcessIdentity | null>;
}

const READY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 3_000;
const MOST_RESTARTS = 5;
const RESTARTS_FORGOTTEN_MS = 60_000;
const RESTART_PAUSE_MS = 1_000;
const TAKEOVER_TIMEOUT_MS = 2_000;
const KILL_TIMEOUT_MS = 1_000;
const REPLACE_TIMEOUT_MS = 5_000;

/**
 * Starts a deployment's services as processes of their own, takes over those that outlived an earlier
 * controller, and ends them. Services are detached and log to files, so that they survive this process.
 */
export class ServiceLauncher {
  private readonly options: LauncherOptions;
  private readonly socket: ControllerSocket;
  private readonly running = new Map<string, RunningService>();
  private readonly waiting = new Map<string, (hello: Hello | null) => void>();
  private readonly stopping = new Set<string>();
  private readonly commands = new Map<string, ServiceCommand>();
  private readonly restarts: RestartCount;
  /** Those that were started and have not said yet that they are ready. */
  private readonly starting = new Map<number, string>();
  /** Those that ended by themselves, or were killed to be replaced, until their successors are there. */
  private readonly succeeding = new Map<
    string,
    { endpoints: Hello['endpoints']; successor: Promise<void> }
  >();
  private readonly replaced = new Set<string>();
  private hasEnded = false;
  /** Services of the controller before that live, and have not been come to yet. */
  private leftBehind: Readonly<Record<string, LaunchedService>> = {};
  private hasTakenOver = false;
  private readonly launched: LaunchedServices;

  constructor(options: LauncherOptions) {
    this.options = options;
    this.launched = new LaunchedServices(options.stateFolder);
    this.restarts = new RestartCount({
      most: MOST_RESTARTS,
      forgottenMs: options.restartsForgottenMs ?? RESTARTS_FORGOTTEN_MS,
    });
    this.socket = new ControllerSocket({
      stateFolder: options.stateFolder,
      onHello: (hello, connection) => this.welcome(hello, connection),
    });
  }

  /** Claims the deployment. Throws `already_running` when another controller has it. */
  async open(): Promise<void> {
    await mkdir(join(this.options.stateFolder, 'log'), { recursive: true });
    await this.socket.open();
    const noted = Object.entries(await this.launched.read());
    const live = await Promise.all(noted.map(([, service]) => stillRuns(service)));
    this.leftBehind = Object.fromEntries(noted.filter((_, index) => live[index]));
  }

  /** Whether there are services that the controller before had launched. */
  get hasFoundServices(): boolean {
    return this.hasTakenOver || Object.keys(this.leftBehind).length > 0;
  }

  /** Starts a service, or takes it over when it still runs; answers its endpoints once it is ready. */
  async launch(command: ServiceCommand): Promise<Readonly<Record<string, string>>> {
    const { name } = command;
    const { onMessage } = this.options;
    this.commands.set(name, command);
    const taken = await this.takeOver(command);
    const { [name]: _decided, ...others } = this.leftBehind;
    this.leftBehind = others;
    if (taken !== null) {
      this.hasTakenOver = true;
      onMessage('info', `Took over the service ${name}.`, { pid: taken.pid });
      await this.writeLaunched();
      return taken.endpoints;
    }
    const hello = await this.begin(command, command.args);
    onMessage('info', `Started the service ${name}.`, { pid: hello.pid, ...hello.endpoints });
    return hello.endpoints;
  }

  /** The service of the controller before, if it still runs and would be started the same way again. */
  private async takeOver({ name, executable, args }: ServiceCommand): Promise<Hello | null> {
    const left = this.leftBehind[name];
    const isHere = left !== undefined && (await stillRuns(left));
    const timeoutMs = this.options.takeoverTimeoutMs ?? TAKEOVER_TIMEOUT_MS;
    const hello = isHere ? await this.hello(name, timeoutMs) : this.running.get(name)?.hello;
    const wanted = [executable, ...args];
    if (isHere && hello?.pid === left.pid && isDeepStrictEqual(left.command, wanted)) return hello;
    // One that is connected to something that is no longer there, or that hangs, is in the way of its successor.
    this.running.delete(name);
    const inTheWay = new Set([hello?.pid, isHere ? left.pid : undefined].filter((pid) => pid !== undefined));
    await Promise.all([...inTheWay].map((pid) => this.end(name, pid)));
    return null;
  }

  /** Starts the process, and waits until it has said that it is ready. */
  private async begin(command: ServiceCommand, args: readonly string[]): Promise<Hello> {
    const { name } = command;
    const { child, end } = await this.spawn(command, args);
    const timeoutMs = this.options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    const { pid } = child;
    const hello = await this.hello(name, timeoutMs, end);
    if (pid !== undefined) this.starting.delete(pid);
    if (hello === null) {
      child.kill('SIGKILL');
      const silence = `it did not say that it is ready within ${timeoutMs} ms`;
      throw this.failed(command, await Promise.race([end, Promise.resolve(silence)]));
    }
    await this.writeLaunched();
    return hello;
  }

  /**
   * Ends the service at this address by force and waits for its successor, for one that hangs; one that has ended by
   * itself is only waited for. An address of somebody else is left alone. One that not even force ends is left after 5 s;
   * its successor is started when it is gone.
   */
  async replace(address: string): Promise<void> {
    const isAt = ({ endpoints }: Pick<Hello, 'endpoints'>) => Object.values(endpoints).includes(address);
    const service = [...this.running.values()].find(({ hello }) => isAt(hello));
    if (service !== undefined) {
      const { hello, connection } = service;
      const text = `The service ${hello.name} does not answer: it is killed and started again.`;
      this.options.onMessage('warn', text, { pid: hello.pid });
      this.replaced.add(hello.name);
      const isCutOff = new Promise<true>((resolve) => connection.once('close', () => resolve(true)));
      signal(hello.pid, 'SIGKILL');
      const { killTimeoutMs = REPLACE_TIMEOUT_MS } = this.options;
      if (!(await Promise.race([isCutOff, delay(killTimeoutMs, false, { ref: false })]))) {
        const problem = `The service ${hello.name} is not gone after it was killed: the system holds it.`;
        this.options.onMessage('error', problem, { pid: hello.pid });
      }
    }
    const successor = [...this.succeeding.values()].find(isAt)?.successor;
    if (successor === undefined) return;
    // Of those that do not become ready, the first one is waited for.
    const timeoutMs = this.options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    await Promise.race([successor, delay(timeoutMs, undefined, { ref: false })]);
  }

  /** Ends all services, gently first and by force after 3 s, and lets go of the deployment. */
  async close(): Promise<void> {
    await Promise.all(this.allProcesses().map(([pid, name]) => this.end(name, pid)));
    await this.socket.close();
    await this.launched.remove();
  }

  /** Leaves all services to the next controller, which is to find them ready: those that still start are ended. */
  async leave(): Promise<void> {
    const starting = [...this.starting];
    // None of them is missed, or started again, from here on.
    this.allProcesses();
    await Promise.all(starting.map(([pid, name]) => this.end(name, pid)));
    await this.socket.close();
  }

  /** Ends all services by force, within a second. */
  async kill(): Promise<void> {
    const processes = this.allProcesses();
    for (const [pid] of processes) signal(pid, 'SIGKILL');
    await Promise.all(processes.map(([pid]) => gone(pid, KILL_TIMEOUT_MS)));
  }

  /** Process id and name of every service, the last one first; none is started from then on. */
  private allProcesses(): [number, string][] {
    this.hasEnded = true;
    const left = Object.entries(this.leftBehind).map(([name, { pid }]) => [pid, name] as const);
    const running = [...this.running.values()].map(({ hello }) => [hello.pid, hello.name] as const);
    const processes = new Map([...left, ...running, ...this.starting]);
    for (const name of processes.values()) this.stopping.add(name);
    return [...processes].reverse();
  }

  private async spawn(
    { name, executable, lingerMs }: ServiceCommand,
    args: readonly string[],
  ): Promise<{ child: ChildProcess; end: Promise<string> }> {
    const log = await open(this.logOf(name), 'a');
    try {
      if (this.hasEnded)
        throw new WrongStateError('preempted', `The service ${name} is not started any more.`);
      const child = spawn(executable, [...args], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: {
          ...process.env,
          DIA_SERVICE_SOCKET: this.socket.path,
          DIA_SERVICE_NAME: name,
          DIA_SERVICE_LINGER_MS: String(lingerMs),
        },
      });
      child.unref();
      // At once: whoever ends all services now must find this one.
      if (child.pid !== undefined) this.starting.set(child.pid, name);
      // Listened to from the beginning: of a program that is not there nothing else is heard.
      const end = new Promise<string>((resolve) => {
        child.on('error', ({ message }) => resolve(message));
        child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
      });
      return { child, end };
    } finally {
      await log.close();
    }
  }

  private welcome(hello: Hello, connection: Socket): void {
    const present = this.running.get(hello.name);
    if (present !== undefined && present.hello.pid !== hello.pid) {
      // It hung while its successor was started; there must not be two.
      signal(hello.pid, 'SIGTERM');
      return;
    }
    this.running.set(hello.name, { hello, connection, identity: identify(hello.pid) });
    this.waiting.get(hello.name)?.(hello);
    connection.once('close', () => {
      if (this.running.get(hello.name)?.connection !== connection) return;
      const { name, endpoints } = hello;
      this.running.delete(name);
      this.restarts.ended(name);
      if (this.stopping.has(name)) return;
      if (this.replaced.delete(name)) this.restarts.forget(name);
      else {
        this.options.onMessage('error', `The service ${name} ended unexpectedly.`, {
          pid: hello.pid,
          log: this.logOf(name),
        });
      }
      this.options.onEnded?.(hello);
      // The one that is being started may be this one: one after the other, so that there are never two.
      const before = this.succeeding.get(name)?.successor;
      const successor = before === undefined ? this.restart(hello) : before.then(() => this.restart(hello));
      const entry = { endpoints, successor };
      this.succeeding.set(name, entry);
      void successor.finally(() => {
        if (this.succeeding.get(name) === entry) this.succeeding.delete(name);
      });
    });
  }

  /** Starts a service that has ended again, at the same addresses, until it is ready; it is given up after a few times. */
  private async restart({ name, endpoints }: Hello): Promise<void> {
    const command = this.commands.get(name);
    if (command === undefined) return;
    const { onMessage, restartPauseMs = RESTART_PAUSE_MS } = this.options;
    const args = [...command.args, ...(command.listenOn?.(endpoints) ?? [])];
    for (let pauseMs = restartPauseMs; !this.hasEnded && !this.running.has(name); pauseMs *= 2) {
      const count = this.restarts.next(name);
      if (count === null) {
        const often = `it was started again ${MOST_RESTARTS} times, and none of them has lived for long`;
        onMessage('error', `The service ${name} is given up: ${often}.`, { log: this.logOf(name) });
        return;
      }
      try {
        const hello = await this.begin(command, args);
        onMessage('warn', `Started the service ${name} again.`, { pid: hello.pid, count });
        if (this.running.has(name)) this.restarts.begun(name);
        return;
      } catch (error) {
        if (this.hasEnded) return;
        onMessage('error', error instanceof Error ? error.message : String(error), { service: name, count });
      }
      await delay(pauseMs, undefined, { ref: false });
    }
  }

  /** What a service says when it is ready; null when it has not within the time, or its process has ended before. */
  private hello(name: string, timeoutMs: number, ended?: Promise<unknown>): Promise<Hello | null> {
    const present = this.running.get(name);
    if (present !== undefined) return Promise.resolve(present.hello);
    return new Promise((resolve) => {
      const tell = (hello: Hello | null) => {
        clearTimeout(timer);
        if (this.waiting.get(name) === tell) this.waiting.delete(name);
        resolve(hello);
      };
      const timer = setTimeout(() => tell(null), timeoutMs);
      this.waiting.set(name, tell);
      void ended?.then(() => tell(null));
    });
  }

  private async end(name: string, pid: number): Promise<void> {
    const timeoutMs = this.options.stopTimeoutMs ?? STOP_TIMEOUT_MS;
    if (!signal(pid, 'SIGTERM')) return;
    if (await gone(pid, timeoutMs)) return;
    this.options.onMessage('warn', `The service ${name} did not end within ${timeoutMs} ms and was killed.`, {
      pid,
    });
    signal(pid, 'SIGKILL');
    await gone(pid, timeoutMs);
  }

  private failed({ name, executable, args }: ServiceCommand, why: string): ComponentFailedError {
    return new ComponentFailedError('service_failed', `The service ${name} could not be started: ${why}.`, {
      component: name,
      operation: 'launch',
      expected: 'a service that announces its endpoints',
      actual: why,
      hint: `Read ${this.logOf(name)}. It was started as: ${[executable, ...args].join(' ')}`,
    });
  }

  private logOf(name: string): string {
    return join(this.options.stateFolder, 'log', `${name}.log`);
  }

  /** What cannot be noted is there all the same. */
  private async writeLaunched(): Promise<void> {
    const written = this.launched.write(async () => {
      const services: Record<string, LaunchedService> = { ...this.leftBehind };
      for (const { hello, identity } of this.running.values()) {
        const found = await identity;
        const command = this.commands.get(hello.name);
        if (found !== null && command !== undefined) {
          services[hello.name] = { ...found, command: [command.executable, ...command.args] };
        }
      }
      return services;
    });
    await written.catch(({ message }: Error) => {
      const text = `The services cannot be noted, so that the next controller will not find them: ${message}`;
      this.options.onMessage('warn', text, {});
    });
  }
}
