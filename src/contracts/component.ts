import type { WriterReport } from './writer.js';

/** The roles a component can play in an acquisition. */
export type Role = 'detector' | 'backend' | 'writer' | 'trigger';

/** What a component says of itself in one answer. */
export interface Observation {
  /** Its state, in the words of its role. */
  readonly status: string;
  /** All that a writer said; absent for the other roles. */
  readonly report?: WriterReport;
}

/** What bounds every call to a component: who may abort it, and how long it may take. */
export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /**
   * Takes what the component said of its state in its answer to a command, so that it need not be asked again. Only its own
   * words count: an adapter whose component merely says yes leaves this alone.
   */
  readonly onState?: (observation: Observation) => void;
}

/**
 * What every adapter has in common. The constructor only stores; `connect` and `disconnect` do the I/O.
 * Adapters hold no acquisition state.
 */
export interface Component {
  /** Where the component is reached, for people: a URL, an endpoint or a command. */
  readonly address: string;
  /** Prepares the transport. Does not require that the component is up. */
  connect(): Promise<void>;
  /** Releases sockets and handles. The component itself is left alone. */
  disconnect(): Promise<void>;
}
