/** The roles a component can play in an acquisition. */
export type Role = 'detector' | 'backend' | 'writer' | 'trigger';

/** What bounds every call to a component: who may abort it, and how long it may take. */
export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
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
