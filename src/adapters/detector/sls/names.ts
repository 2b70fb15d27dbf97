/** What a parameter's values look like on the command line. */
export type SlsKind = 'integer' | 'seconds' | 'word';

/** A parameter that clients may set, and how the detector calls it. */
export interface SlsParameter {
  /** Its name in the acquisition config. */
  readonly name: string;
  readonly command: string;
  readonly kind: SlsKind;
  readonly minimum?: number;
  readonly maximum?: number;
  /** The only values allowed. */
  readonly choices?: readonly (string | number)[];
  /** Whether the detector rounds it, so that it has to be read back. */
  readonly rounds: boolean;
}

/** The commands whose names or arguments hang on the package's version. */
export interface SlsCommands {
  readonly start: readonly string[];
  readonly stop: readonly string[];
  readonly startReceiver: readonly string[];
  readonly stopReceiver: readonly string[];
  readonly receiverStatus: string;
  readonly framesCaught: string;
  /** What the detector counts: frames and triggers left of this run. */
  readonly counters: readonly string[];
  /** What each receiver counts; `framesCaught` is one of them. */
  readonly receiverCounters: readonly string[];
  /** Whether times carry a unit. Before 5.0 they are plain seconds. */
  readonly units: boolean;
}

/** Whether a package of this version (`9.2.0`, `4`) has the names of 5.0. */
function isModern(packageVersion: string): boolean {
  return Number.parseInt(packageVersion, 10) >= 5;
}

/** The commands of a package version. Source: PROTOCOLS, SLS detectors; the package's table of deprecated names. */
export function slsCommands(packageVersion: string): SlsCommands {
  if (isModern(packageVersion)) {
    return {
      start: ['start'],
      stop: ['stop'],
      startReceiver: ['rx_start'],
      stopReceiver: ['rx_stop'],
      receiverStatus: 'rx_status',
      framesCaught: 'rx_framescaught',
      counters: ['framesl', 'triggersl'],
      receiverCounters: ['rx_framescaught', 'rx_missingpackets'],
      units: true,
    };
  }
  return {
    start: ['status', 'start'],
    stop: ['status', 'stop'],
    startReceiver: ['receiver', 'start'],
    stopReceiver: ['receiver', 'stop'],
    receiverStatus: 'receiver',
    framesCaught: 'framescaught',
    counters: ['framesl', 'cyclesl'],
    receiverCounters: ['framescaught'],
    units: false,
  };
}

const TIMING_MODES = ['auto', 'trigger', 'gating', 'burst_trigger', 'trigger_gating'];

/** A day: longer exposures are mistakes of the unit. */
const LONGEST_S = 86_400;

export interface ParameterOptions {
  readonly packageVersion: string;
  /** Bit depths that this detector has. */
  readonly bitDepths: readonly number[];
  /** Parameters beyond the usual ones, by command. */
  readonly extraParameters: Readonly<Record<string, SlsKind>>;
}

/**
 * The parameters that clients may set, by their name in the acquisition config, in the order in which they are
 * applied: what others depend on comes first.
 */
export function slsParameters(options: ParameterOptions): ReadonlyMap<string, SlsParameter> {
  const modern = isModern(options.packageVersion);
  const count = { kind: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, rounds: false } as const;
  const time = { kind: 'seconds', minimum: 0, maximum: LONGEST_S, rounds: true } as const;
  const usual: SlsParameter[] = [
    { name: 'dr', command: 'dr', kind: 'integer', choices: options.bitDepths, rounds: false },
    { name: 'settings', command: 'settings', kind: 'word', rounds: false },
    {
      name: 'threshold',
      command: 'threshold',
      kind: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      rounds: false,
    },
    { name: 'timing', command: 'timing', kind: 'word', choices: TIMING_MODES, rounds: false },
    { name: 'cycles', command: modern ? 'triggers' : 'cycles', ...count },
    { name: 'frames', command: 'frames', ...count },
    // The same by another name, as some beamlines' clients call it.
    { name: 'n_frames', command: 'frames', ...count },
    { name: 'exptime', command: 'exptime', ...time },
    { name: 'period', command: 'period', ...time },
    { name: 'delay', command: 'delay', ...time },
    {
      name: 'vhighvoltage',
      command: modern ? 'highvoltage' : 'vhighvoltage',
      kind: 'integer',
      minimum: 0,
      maximum: 1000,
      rounds: false,
    },
  ];
  const extra = Object.entries(options.extraParameters).map(
    ([command, kind]): SlsParameter => ({ name: command, command, kind, rounds: kind === 'seconds' }),
  );
  return new Map([...usual, ...extra].map((parameter) => [parameter.name, parameter]));
}
