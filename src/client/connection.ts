/** How requests reach a server, and who they say they are from. */
export interface Connection {
  /** Without a slash at the end. */
  readonly address: string;
  readonly token?: string | undefined;
  /** Certificates to trust beside those of the system, in PEM. */
  readonly ca?: string | undefined;
  /** The lease that is held; undefined when none is. */
  readonly lease?: string | undefined;
}

/** A request as it is sent. */
export interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Sends a request over a connection; throws what `fetch` throws. */
export async function sendOver(connection: Connection, path: string, request: Sending): Promise<Response> {
  const { address, token, lease, ca } = connection;
  const init = {
    ...request,
    headers: {
      ...request.headers,
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(lease === undefined ? {} : { 'X-Dia-Lease': lease }),
    },
    // Neither the token nor a command is for anybody that an answer points to.
    redirect: 'manual',
  } as const;
  return ca === undefined ? fetch(address + path, init) : fetchTrusting(ca, address + path, init);
}

/** Fetches from a server whose certificate only `ca` vouches for. */
async function fetchTrusting(
  ca: string,
  url: string,
  init: Sending & { readonly redirect: 'manual' },
): Promise<Response> {
  // Node's own fetch takes no certificates; loaded here, as hardly anybody needs it.
  const [{ default: undici }, { rootCertificates }] = await Promise.all([
    import('undici'),
    import('node:tls'),
  ]);
  const dispatcher = new undici.Agent({ connect: { ca: [...rootCertificates, ca] } });
  const answer = await undici.fetch(url, { ...init, dispatcher });
  // Ends when the answer has been read; nobody sends another request over it.
  void dispatcher.close();
  return answer as Response;
}
