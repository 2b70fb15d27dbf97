/** What a component can do wrong. */
export const FAULTS = [
  'refuses',
  'hangs',
  'slow',
  'fails',
  'garbage',
  'wrongState',
  'dies',
  'cuts',
  'returns',
] as const;

export type Fault = (typeof FAULTS)[number];

/** Faults under which nothing listens at the address. */
const ABSENT: readonly Fault[] = ['refuses', 'dies', 'returns'];
/** A slow answer comes after so long, which is within the limits of the test deployments. */
export const SLOW_MS = 50;

/** What a lying component says: this word in this field of its status. */
export interface Lie {
  readonly field: string;
  readonly word: string;
}

/**
 * Stands between an adapter and its component at an address that stays, passes everything on, and plays a
 * fault when it is struck with one.
 */
export abstract class FaultProxy {
  /** After how long a component that comes back does so. */
  returnsMs = 1_000;
  /** Called with each request before it is handled: a fault struck here already meets this request. */
  onOperation: (operation: string) => void = () => undefined;
  #fault: Fault | null = null;
  #lie: Lie | null = null;
  #comesBack: Promise<void> = Promise.resolve();

  /** Plays `fault` from now on, until `clear`; `returns` ends by itself. */
  strike(fault: Fault, lie: Lie): void {
    this.#fault = fault;
    this.#lie = lie;
    if (ABSENT.includes(fault)) this.vanish();
    if (fault !== 'returns') return;
    this.#comesBack = new Promise((resolve, reject) => {
      setTimeout(() => this.clear().then(resolve, reject), this.returnsMs);
    });
  }

  /** Settles when `operation` is asked for next. */
  next(operation: string): Promise<void> {
    return new Promise((resolve) => {
      this.onOperation = (seen) => {
        if (seen === operation) resolve();
      };
    });
  }

  /** The component is as it should be again. */
  async clear(): Promise<void> {
    this.#fault = null;
    await this.appear();
  }

  /** Settles when a component that comes back by itself is back. */
  get back(): Promise<void> {
    return this.#comesBack;
  }

  protected get fault(): Fault | null {
    return this.#fault;
  }

  /** Whether nothing listens at the address. */
  get isAbsent(): boolean {
    return this.#fault !== null && ABSENT.includes(this.#fault);
  }

  /** Puts the lie into an answer that tells the component's state. */
  protected disguise(answer: Record<string, unknown>): void {
    if (this.#lie !== null && this.#lie.field in answer) answer[this.#lie.field] = this.#lie.word;
  }

  abstract close(): Promise<void>;
  /** Stops listening and drops all connections. */
  protected abstract vanish(): void;
  /** Listens at the same address as before; does nothing while it still does. */
  protected abstract appear(): Promise<void>;
}

/** What a component says that has lost its mind. */
export const GARBAGE = Buffer.from([0x00, 0xff, 0xfe, 0x3c, 0x68, 0x74, 0x6d, 0x6c, 0x7b, 0x22]);
