import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { logLine, nanoseconds, time, timeIn } from './slsFormat.js';

/** What a program prints and how it ends. */
export interface SlsOutput {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SlsFakeOptions {
  /** False: no module was added yet, as after a boot. */
  readonly configured?: boolean;
  /** How many times slower than told the detector exposes; tests look slower than detectors are. */
  readonly slowness?: number;
  /** Nanoseconds of a tick of the detector's clock: times are cut to it. */
  readonly tickNs?: number;
  readonly values?: Readonly<Record<string, string>>;
}

type Action = 'get' | 'put';

class Failure extends Error {}

const RENAMED: Readonly<Record<string, string>> = { cycles: 'triggers', vhighvoltage: 'highvoltage' };
const TIMES = ['exptime', 'period', 'delay'];
const TIMINGS = ['auto', 'trigger'];
/** What the programs pass on to the receiver as well. */
const SHARED = 'frames triggers period exptime timing dr udp_dstip udp_dstport'.split(' ');
const RECEIVERS = 'rx_hostname rx_zmqport rx_zmqstream rx_zmqfreq fwrite'.split(' ');
const NOT_WHILE_RECEIVING: Readonly<Record<string, string>> = {
  frames: 'F_RECEIVER_SET_NUM_FRAMES',
  triggers: 'F_SET_RECEIVER_NUM_TRIGGERS',
  dr: 'F_SET_RECEIVER_DYNAMIC_RANGE',
};
const NULS = '\0'.repeat(64);

/**
 * A Jungfrau with one module and its receiver, as `sls_detector_get` and `sls_detector_put` 9.2 show them. What
 * it says is what the real programs were recorded to say; where nothing was recorded it says what their source
 * lets expect.
 */
export class SlsFake {
  /** Whether the receiver's port answers. */
  receiverAlive = true;
  readonly #slowness: number;
  readonly #tickNs: number;
  readonly #values: Map<string, string>;
  readonly #timesNs = new Map([
    ['exptime', 10_000],
    ['period', 2_000_000],
    ['delay', 0],
  ]);
  #configured: boolean;
  #receiving = false;
  #caught = 0;
  #exposed = 0;
  /** When the run began; null: none. */
  #beganMs: number | null = null;
  #waiting = false;
  #log = '';
  readonly #nowMs: () => number;

  constructor(options: SlsFakeOptions = {}, nowMs = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#configured = options.configured ?? true;
    this.#slowness = options.slowness ?? 1;
    this.#tickNs = options.tickNs ?? 1;
    this.#values = new Map(
      Object.entries({
        ...{ frames: '1', triggers: '1', timing: 'auto', dr: '16', settings: 'gain0', highvoltage: '0' },
        ...{ powerchip: '0', rx_missingpackets: '[0]', nextframenumber: '1', temp_fpga: '0 °C' },
        ...{ type: 'Jungfrau', hostname: 'localhost', detsize: '[1024, 512]', clientversion: '9.2.0' },
        ...options.values,
      }),
    );
  }

  /** Frames that the receiver has of this run so far. */
  get received(): number {
    const running = this.#beganMs !== null && !this.#waiting && this.#receiving;
    return this.#caught + (running ? Math.min(Math.floor(this.#elapsedFrames()), this.#frames()) : 0);
  }

  /** Frames that the detector has exposed in this run so far, whoever received them. */
  get exposed(): number {
    if (this.#beganMs === null || this.#waiting) return this.#exposed;
    return Math.min(Math.floor(this.#elapsedFrames()), this.#frames());
  }

  get receiving(): boolean {
    return this.#receiving;
  }

  /** Runs one program call; `line` is its arguments joined by blanks, which is how the real ones see them. */
  run(action: Action, line: string, cwd = '.'): SlsOutput {
    this.#log = '';
    let stdout = '';
    try {
      if (/(^| )-h|--help/.test(line)) return { rc: 0, stdout: 'help\n', stderr: '' };
      const { detector, rest } = this.#indices(line);
      if (detector !== 0) this.#noModules(detector);
      const [command = '', file = ''] = rest.split(' ');
      if (command !== 'parameters') return this.#done(this.#call(action, rest));
      for (const one of this.#lines(resolve(cwd, file), file)) stdout += this.#call('put', one);
      return this.#done(`${stdout}parameters ${file}\n`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { rc: 1, stdout, stderr: this.#log + logLine('ERROR', error.message) };
    }
  }

  #done(stdout: string): SlsOutput {
    return { rc: 0, stdout, stderr: this.#log };
  }

  #lines(path: string, file: string): string[] {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      throw new Failure(`Could not open configuration file ${file} for reading`);
    }
    return text
      .split('\n')
      .map((line) => line.replace(/#.*/, ''))
      .filter((line) => line.length > 1);
  }

  #indices(line: string): { detector: number; rest: string } {
    const parts = /^(?:(\d+)-)?(?:\d+:)?(.*)$/.exec(line);
    return { detector: Number(parts?.[1] ?? 0), rest: parts?.[2] ?? '' };
  }

  #noModules(detector: number): never {
    this.#log += logLine('INFO', `Shared memory created /slsDetectorPackage_detector_${detector}`);
    throw new Failure('No modules added');
  }

  #call(action: Action, line: string): string {
    const [asked = '', ...args] = this.#indices(line).rest.split(/\s+/);
    const command = RENAMED[asked] ?? asked;
    if (!this.#configured && command !== 'hostname') this.#noModules(0);
    if (command !== asked) {
      const warning = `${asked} is deprecated and will be removed. Please migrate to: ${command}`;
      this.#log += logLine('WARNING', warning);
    }
    return `${command} ${action === 'get' ? this.#get(command, args) : this.#put(command, args)}\n`;
  }

  #get(command: string, [unit, ...more]: string[]): string {
    const ns = this.#timesNs.get(command);
    if (ns !== undefined) return unit === undefined ? time(ns) : timeIn(ns, unit);
    if (more.length > 0 || unit !== undefined) throw new Failure('Wrong number of arguments for action GET');
    if (command.startsWith('rx_')) this.#needReceiver();
    switch (command) {
      case 'status':
        return this.#status();
      case 'rx_status':
        return this.#receiving ? 'running' : 'idle';
      case 'rx_framescaught':
        this.#status();
        return `[${this.#caught}]`;
      case 'framesl':
      case 'triggersl':
        return this.#status() === 'idle' ? '0' : this.#value(command.slice(0, -1));
      case 'versions':
        return this.#versions();
      default:
        return this.#value(command);
    }
  }

  #put(command: string, args: string[]): string {
    switch (command) {
      case 'start':
        this.#start();
        return 'successful';
      case 'stop':
        this.#end(Math.floor(this.#elapsedFrames()));
        return 'successful';
      case 'trigger':
        this.#waiting = false;
        this.#beganMs = this.#nowMs();
        return 'successful';
      case 'rx_start':
        this.#needReceiver();
        this.#receiving = true;
        this.#caught = 0;
        return 'successful';
      case 'rx_stop':
        this.#needReceiver();
        this.#status();
        this.#receiving = false;
        return 'successful';
      case 'hostname':
        return this.#addModule(args[0] ?? '');
      case 'rx_hostname':
        return this.#addReceiver(args[0] ?? '');
    }
    const [value = ''] = args;
    if (TIMES.includes(command)) this.#setTime(command, value);
    else this.#set(command, value);
    if (SHARED.includes(command) || RECEIVERS.includes(command)) this.#tellReceiver(command);
    return args.join(' ');
  }

  #setTime(command: string, value: string): void {
    const ns = nanoseconds(value);
    if (ns === null) {
      this.#log += logLine('ERROR', 'Invalid unit in conversion from string to std::chrono::duration');
      throw new Failure('Could not convert argument to time::ns');
    }
    this.#timesNs.set(command, ns - (ns % this.#tickNs));
  }

  #set(command: string, value: string): void {
    if (['frames', 'triggers'].includes(command)) {
      if (!/^-?\d+$/.test(value)) throw new Failure('Could not convert argument 0 to int64_t');
      if (Number(value) < 1) {
        const what = `Could not set number of ${command}. Set ${value}, but read ${this.#value(command)}`;
        throw new Failure(`Detector returned: ${what}\n${NULS}`);
      }
    }
    if (command === 'dr' && value !== '16') {
      const what = `Dynamic range (${value}) is not implemented for this detector`;
      throw new Failure(`Detector returned: ${what}\n${NULS}`);
    }
    if (command === 'timing' && !TIMINGS.includes(value)) {
      this.#log += logLine('ERROR', `Unknown timing mode ${value}`);
      throw new Failure('Could not convert argument 0 to defs::timingMode');
    }
    const known = this.#values.has(command) || RECEIVERS.includes(command) || command.startsWith('udp_');
    if (!known) throw unknown(command);
    this.#values.set(command, value);
  }

  #value(command: string): string {
    const value = this.#values.get(command);
    if (value === undefined) throw unknown(command);
    return value;
  }

  #tellReceiver(command: string): void {
    this.#needReceiver();
    const call = NOT_WHILE_RECEIVING[command];
    if (this.#receiving && call !== undefined) {
      throw new Failure(`Receiver returned: Can not execute ${call} when receiver is not idle${NULS}`);
    }
    if (command === 'udp_dstip') {
      const text = 'Setting destination udp mac of Module 0 to 00:00:00:00:00:00';
      this.#log += logLine('INFO', text);
    }
  }

  #needReceiver(): void {
    if (!this.receiverAlive) {
      throw new Failure('ClientSocket: Cannot connect to Receiver:localhost on port 1956\n');
    }
  }

  #start(): void {
    if (this.#value('powerchip') === '0') {
      const what = 'Could not start acquisition. Chip is not configured. Power it on to configure it.';
      throw new Failure(`Detector returned: ${what}\n${NULS}`);
    }
    if (this.#status() !== 'idle') return;
    this.#exposed = 0;
    this.#waiting = this.#value('timing') === 'trigger';
    this.#beganMs = this.#nowMs();
  }

  /** Brings the run to where it is by now. */
  #status(): string {
    if (this.#beganMs === null) return 'idle';
    if (this.#waiting) return 'waiting';
    if (this.#elapsedFrames() < this.#frames()) return 'running';
    this.#end(this.#frames());
    return 'idle';
  }

  #end(frames: number): void {
    if (this.#beganMs === null) return;
    if (!this.#waiting) this.#exposed = Math.min(frames, this.#frames());
    if (this.#receiving && !this.#waiting) this.#caught += Math.min(frames, this.#frames());
    this.#beganMs = null;
    this.#waiting = false;
  }

  #frames(): number {
    return Number(this.#value('frames')) * Number(this.#value('triggers'));
  }

  #elapsedFrames(): number {
    const frameNs = Math.max(this.#timesNs.get('period') ?? 0, this.#timesNs.get('exptime') ?? 0, 1);
    const elapsedMs = this.#beganMs === null ? 0 : this.#nowMs() - this.#beganMs;
    return (elapsedMs * 1e6) / (frameNs * this.#slowness);
  }

  #addModule(name: string): string {
    const host = name.replace(/\+$/, '');
    this.#configured = true;
    this.#log += logLine('INFO', `Adding module ${host}`);
    this.#log += logLine('INFO', 'Shared memory created /slsDetectorPackage_detector_0_module_0');
    this.#log += logLine('INFO', 'Module Version Compatibility - Success');
    return `[${host}]`;
  }

  #addReceiver(host: string): string {
    this.#needReceiver();
    this.#log += logLine('INFO', 'Receiver Version Compatibility - Success');
    this.#log += logLine('INFO', 'Setting default module 0 zmq ip to 127.0.0.1');
    return `[${host}]`;
  }

  #versions(): string {
    let receiver = '9.1.1';
    if (!this.receiverAlive) {
      receiver = 'Unknown';
      this.#log += logLine('ERROR', 'ClientSocket: Cannot connect to Receiver:localhost on port 1956\n');
    }
    return Object.entries({
      Type: 'Jungfrau',
      Release: '9.2.0',
      Client: '9.2.0',
      Firmware: '0x250208',
      Server: '9.1.0',
      Kernel: '#1 SMP PREEMPT_DYNAMIC @0',
      Hardware: '2.0',
      Receiver: receiver,
    }).reduce((text, [name, value]) => `${text}\n${name.padEnd(16)}: ${value}`, '');
  }
}

function unknown(command: string): Failure {
  return new Failure(`${command} Unknown command, use list to list all commands`);
}
