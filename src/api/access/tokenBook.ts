import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { TokenSettings } from '../../config/accessSettings.js';

/** Who sent a request, as its token says. */
export type Caller = Pick<TokenSettings, 'name' | 'role'>;

/** A new token with what the deployment has to know of it. */
export interface NewToken {
  /** For the client; it stands nowhere else. */
  readonly token: string;
  /** For the deployment. */
  readonly sha256: string;
}

/**
 * Makes a token: 256 random bits. A fast hash is enough for these, as they cannot be guessed like a password.
 */
export function newToken(): NewToken {
  const token = `dia_${randomBytes(32).toString('base64url')}`;
  return { token, sha256: sha256(token).toString('hex') };
}

/** The tokens of a deployment; only their hashes are known. */
export class TokenBook {
  readonly #tokens: readonly { readonly caller: Caller; readonly hash: Buffer }[];

  constructor(tokens: readonly TokenSettings[]) {
    this.#tokens = tokens.map(({ name, role, sha256: hash }) => ({
      caller: { name, role },
      hash: Buffer.from(hash, 'hex'),
    }));
  }

  /** Whether there are tokens at all; without any none is asked for. */
  get isEmpty(): boolean {
    return this.#tokens.length === 0;
  }

  /**
   * Whose token an `Authorization` header carries; null when it is nobody's. Takes the same time whichever it is.
   * Basic is taken as well, with the token as password, so that a browser can ask its user for it.
   */
  callerOf(authorization: string | undefined): Caller | null {
    const hash = sha256(presentedToken(authorization ?? '') ?? '');
    let found: Caller | null = null;
    for (const token of this.#tokens) {
      if (timingSafeEqual(token.hash, hash)) found = token.caller;
    }
    return found;
  }
}

function presentedToken(authorization: string): string | null {
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return null;
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
